import MartletNN

/// What a recipe's weights and biases start from; what is not named starts as its layer has it.
///
///     initialization: orthogonal
///     initialization: {weights: {name: he_normal, fan: output}, biases: zeros}
public struct InitializationRecipe: Sendable {
    private let weights: InitializerSpec?, biases: InitializerSpec?

    init(_ map: RecipeMap) throws {
        weights = try map.decoded(InitializerSpec.self, "weights")
        biases = try map.decoded(InitializerSpec.self, "biases")
    }

    /// Draws anew what the recipe names.
    func apply(to model: any Module) {
        model.initialize(weights: weights?.initializer, biases: biases?.initializer)
    }
}
