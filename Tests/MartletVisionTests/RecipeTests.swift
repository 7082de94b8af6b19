import Foundation
import MartletVision
import Testing

/// Transforms as recipes name them. JSON stands for YAML: both come through `Decodable`.
@Suite struct RecipeTests {
    private func decode(_ text: String) throws -> Compose {
        try JSONDecoder().decode(Compose.self, from: Data(text.utf8))
    }

    /// What an error says.
    private func message(_ text: String) -> String {
        do {
            _ = try decode(text)
            return "no error"
        } catch let error as DecodingError {
            switch error {
            case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
                .valueNotFound(_, let context):
                return context.debugDescription
            @unknown default: return "\(error)"
            }
        } catch {
            return "\(error)"
        }
    }

    /// What each transform must be given; those that are not here need nothing.
    private static let parameters: [String: String] = [
        "CenterCrop": #"{"size": 3}"#, "Compose": #"["RGB"]"#, "ConvertBoundingBoxFormat": #"{"format": "XYWH"}"#,
        "FiveCrop": #"{"size": [3, 4]}"#, "GaussianBlur": #"{"kernel_size": [3, 5]}"#,
        "JPEG": #"{"quality": [20, 90]}"#,
        "Normalize": #"{"mean": 0.5, "std": [0.1, 0.2, 0.3]}"#, "Pad": #"{"padding": [1, 2]}"#,
        "RandomAdjustSharpness": #"{"sharpness_factor": 2}"#, "RandomAffine": #"{"degrees": 10}"#,
        "RandomApply": #"{"transforms": ["RGB"], "p": 0.2}"#,
        "RandomChoice": #"{"transforms": ["RGB", "RandomInvert"], "p": [1, 2]}"#, "RandomCrop": #"{"size": 3}"#,
        "RandomOrder": #"{"transforms": ["RGB"]}"#, "RandomPosterize": #"{"bits": 4}"#,
        "RandomResize": #"{"min_size": 3, "max_size": 5}"#, "RandomResizedCrop": #"{"size": 3}"#,
        "RandomRotation": #"{"degrees": [5, 10]}"#, "RandomShortestSize": #"{"min_size": [3, 4]}"#,
        "RandomSolarize": #"{"threshold": 128}"#, "Resize": #"{"size": 3}"#, "ScaleJitter": #"{"target_size": [3, 4]}"#,
        "TenCrop": #"{"size": 3}"#,
    ]

    @Test func `Every known transform is read by its name, written, and read again`() throws {
        #expect(Compose.knownNames.count == 49)
        for name in Compose.knownNames {
            let element = Self.parameters[name].map { #"{"\#(name)": \#($0)}"# } ?? #""\#(name)""#
            let recipe = try decode("[\(element)]")
            #expect(type(of: recipe.transforms[0]).name == name)
            let written = try JSONEncoder().encode(recipe)
            #expect(try JSONDecoder().decode(Compose.self, from: written) == recipe, "\(name)")
            if Self.parameters[name] != nil, name != "Compose" {
                #expect(message(#"["\#(name)"]"#).hasSuffix("must be given"), "\(name): \(message(#"["\#(name)"]"#))")
            } else if name != "Compose" {
                // A name, an empty map and nothing behind the name are the same.
                #expect(try decode(#"[{"\#(name)": {}}]"#) == recipe)
                #expect(try decode(#"[{"\#(name)": null}]"#) == recipe)
            }
        }
    }

    @Test func `Parameters have torchvision's names and forms`() throws {
        let affine = RandomAffine(
            degrees: 10, translate: SIMD2(0.1, 0.2), scale: 0.8...1.2, shear: -3...3, shearY: 1...2,
            interpolation: .bilinear, fill: [1, 2, 3])
        let recipe = try decode(
            """
            [{"RandomAffine": {"degrees": 10, "translate": [0.1, 0.2], "scale": [0.8, 1.2], "shear": [-3, 3, 1, 2],
              "interpolation": "bilinear", "fill": [1, 2, 3]}},
             {"Resize": {"size": 21, "max_size": 40}}, {"Resize": {"size": [3, 4]}}, {"Resize": {"max_size": 9}},
             {"Pad": {"padding": [1, 2], "padding_mode": "reflect"}}, {"ColorJitter": {"brightness": 0.4, "hue": [-0.1, 0.2]}},
             {"RandomErasing": {"value": "random"}}, {"RandomRotation": {"degrees": 5, "fill": null}},
             {"ToDtype": {"dtype": "torch.float32", "scale": true}}, {"RandomAffine": {"degrees": 1, "shear": 4}}]
            """)
        let wanted = Compose([
            affine, Resize(.shorterEdge(21, longest: 40)), Resize(ImageSize(height: 3, width: 4)),
            Resize(.longerEdge(9)),
            Pad(ImagePadding(left: 1, top: 2, right: 1, bottom: 2), paddingMode: .reflect),
            ColorJitter(brightness: 0.6...1.4, hue: -0.1...0.2), RandomErasing(value: .random),
            RandomRotation(degrees: 5, fill: .none), ToDtype(scale: true), RandomAffine(degrees: 1, shear: -4...4),
        ])
        #expect(recipe == wanted)
        #expect(try decode(#"[{"ColorJitter": {"brightness": 3}}]"#) == Compose([ColorJitter(brightness: 0...4)]))
        #expect(recipe != Compose([affine]) && recipe != Compose([]))
    }

    @Test func `Defaults are torchvision's`() throws {
        let written = try JSONEncoder().encode(
            Compose([
                RandomPerspective(), ElasticTransform(), RandomErasing(), RandAugment(), AugMix(), GaussianNoise(),
                RandomIoUCrop(), RandomGrayscale(),
            ]))
        let text = String(decoding: written, as: UTF8.self)
        for part in [
            #""distortion_scale":0.5"#, #""num_ops":2"#, #""magnitude":9"#, #""num_magnitude_bins":31"#,
            #""severity":3"#, #""chain_depth":-1"#, #""all_ops":true"#, #""min_aspect_ratio":0.5"#, #""trials":40"#,
            #""clip":true"#, #""p":0.1"#, #""alpha":[50,50]"#, #""sigma":[5,5]"#, #""scale":[0.02,0.33]"#,
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    @Test func `What is wrong with a recipe is said plainly`() {
        #expect(message(#"["RandomHorizontalFlop"]"#).contains(#"the nearest name is "RandomHorizontalFlip""#))
        #expect(message(#"["randomcrop"]"#).contains(#"the nearest name is "RandomCrop""#))
        #expect(message(#"[{"MixUp": {"num_classes": 3}}]"#).contains("changes whole batches"))
        #expect(message(#"[{"RGB": null, "ToImage": null}]"#).contains("a name, or one name with its parameters"))
        #expect(
            message(#"[{"RandomHorizontalFlip": {"p": 2}}]"#) == "RandomHorizontalFlip: p is from 0 to 1, it is 2.0")
        #expect(
            message(#"[{"RandomAffine": {"degrees": 1, "interpolation": "bicubic"}}]"#).contains("nearest or bilinear"))
        #expect(message(#"[{"Resize": {"size": 1, "interpolation": "cubic"}}]"#).contains("bicubic, lanczos"))
        #expect(message(#"[{"RandomRotation": {"degrees": [9, 1]}}]"#).contains("two that rise"))
        #expect(
            message(#"[{"RandomAffine": {"degrees": 1, "translate": [2, 0]}}]"#).contains("translate is from 0 to 1"))
        #expect(message(#"[{"CenterCrop": {"size": 0}}]"#).contains("at least 1"))
        #expect(message(#"[{"CenterCrop": {"size": 2.5}}]"#).contains("2.5"))
        #expect(message(#"[{"JPEG": {"quality": 0}}]"#).contains("from 1 to 100"))
        #expect(message(#"[{"AutoAugment": {"policy": "mnist"}}]"#).contains("imagenet, cifar10 or svhn"))
        #expect(message(#"[{"ToDtype": {"dtype": "float64"}}]"#).contains("float32 or uint8"))
        #expect(message(#"[{"RandomErasing": {"value": "noise"}}]"#).contains("or random"))
        #expect(message(#"[{"Pad": {"padding": [1, 2, 3]}}]"#).contains("a list of 1, 2 or 4"))
    }

    @Test func `Batch transforms have lists of their own`() throws {
        let text = #"[{"BatchChoice": {"transforms": [{"MixUp": {"num_classes": 4}}, {"CutMix": {"alpha": 0.5}}]}}]"#
        let recipe = try JSONDecoder().decode(BatchCompose.self, from: Data(text.utf8))
        #expect(recipe == BatchCompose([BatchChoice([MixUp(numClasses: 4), CutMix(alpha: 0.5)])]))
        #expect(try JSONDecoder().decode(BatchCompose.self, from: JSONEncoder().encode(recipe)) == recipe)
        #expect(BatchCompose.knownNames == ["BatchChoice", "CutMix", "EachSample", "MixUp"])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(BatchCompose.self, from: Data(#"["RandomCrop"]"#.utf8))
        }
    }

    @Test func `A program's wrong parameters stop`() async {
        await #expect(processExitsWith: .failure) { _ = RandomHorizontalFlip(p: 1.5) }
        await #expect(processExitsWith: .failure) { _ = PerspectiveMap(coefficients: [1]) }
        await #expect(processExitsWith: .failure) {
            _ = PlanarImage(channels: 1, size: ImageSize(2), repeating: 0).warped(
                by: AffineMap(), interpolation: .bicubic)
        }
    }
}
