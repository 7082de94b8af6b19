import MartletGraph

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
        let nearest = NearestName.closest(name, among: types.keys) ?? ""
        return "no transform is called \"\(name)\"; the nearest name is \"\(nearest)\""
    }
}
