import MartletGraph
import Testing

@Suite struct NearestNameTests {
    @Test func `A name with a letter wrong, too many, missing or swapped is found whatever its case and separators`() {
        let names = ["weight_decay", "momentum", "lr", "nesterov"]
        for wanted in ["weigth_decay", "weightdecay", "Weight-Decay", "weight_decey", "wheight_decay", "weght_decay"] {
            #expect(NearestName.find(wanted, among: names) == "weight_decay", "\(wanted)")
        }
        #expect(NearestName.find("rl", among: names) == "lr")
    }

    @Test func `A different word has no near name, and still a nearest one`() {
        #expect(NearestName.find("epochs", among: ["momentum", "lr"]) == nil)
        #expect(NearestName.closest("glorot", among: ["zeros", "glorot_normal", "he_normal"]) == "glorot_normal")
        #expect(NearestName.closest("anything", among: [String]()) == nil)
    }

    @Test func `A pattern's nearest name is the one that it nearly stands for, whatever its stars stand for`() {
        let names = ["0.weight", "0.bias", "encoder.layers.3.bias"]
        #expect(NearestName.closest(toPattern: "*.bais", among: names) == "0.bias")
        #expect(NearestName.closest(toPattern: "enc*.?.wias", among: names) == "encoder.layers.3.bias")
        #expect(NearestName.closest(toPattern: "?.weigth", among: names) == "0.weight")
        #expect(NearestName.closest(toPattern: "*", among: [String]()) == nil)
    }

    @Test func `Of names that are equally near the first in the alphabet is taken`() {
        #expect(NearestName.find("bd", among: ["bc", "ba"]) == "ba")
        #expect(NearestName.closest("bd", among: ["bc", "ba"]) == "ba")
    }
}
