extension Compose {
    /// The names that a recipe may use, in alphabetical order.
    public static var knownNames: [String] { TransformCatalog.types.keys.sorted() }
}

/// The transforms by their names in recipes.
enum TransformCatalog {
    static let types: [String: any ImageTransform.Type] = {
        let all: [any ImageTransform.Type] = [
            AugMix.self, AutoAugment.self, CenterCrop.self, ClampBoundingBoxes.self, ClampKeyPoints.self,
            ColorJitter.self, Compose.self, ConvertBoundingBoxFormat.self, ElasticTransform.self, FiveCrop.self,
            GaussianBlur.self, GaussianNoise.self, Grayscale.self, JPEGTransform.self, Normalize.self, Pad.self,
            RGB.self, RandAugment.self, RandomAdjustSharpness.self, RandomAffine.self, RandomApply.self,
            RandomAutocontrast.self, RandomChannelPermutation.self, RandomChoice.self, RandomCrop.self,
            RandomEqualize.self, RandomErasing.self, RandomGrayscale.self, RandomHorizontalFlip.self,
            RandomInvert.self, RandomIoUCrop.self, RandomOrder.self, RandomPerspective.self,
            RandomPhotometricDistort.self, RandomPosterize.self, RandomResize.self, RandomResizedCrop.self,
            RandomRotation.self, RandomShortestSize.self, RandomSolarize.self, RandomVerticalFlip.self,
            RandomZoomOut.self, Resize.self, SanitizeBoundingBoxes.self, ScaleJitter.self, TenCrop.self, ToDtype.self,
            ToImage.self, TrivialAugmentWide.self,
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }()

    /// What an unknown name is answered with.
    static func unknown(_ name: String) -> String {
        if BatchCatalog.types[name] != nil {
            return "\(name) changes whole batches, it does not stand among the transforms of single pictures"
        }
        return "no transform is called \"\(name)\"; the nearest name is \"\(nearest(name, in: types.keys))\""
    }

    static func nearest(_ name: String, in names: some Sequence<String>) -> String {
        let lower = name.lowercased()
        return names.sorted().min { distance($0.lowercased(), lower) < distance($1.lowercased(), lower) } ?? ""
    }

    /// How many letters must be put in, left out or exchanged (Levenshtein).
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let changed = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
