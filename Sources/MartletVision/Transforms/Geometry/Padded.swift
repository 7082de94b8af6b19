import CMartletKernels
import MartletGraph

extension PlanarImage {
    /// Samples added at the sides: torchvision's `pad`.
    public func padded(_ padding: ImagePadding, fill: Fill = 0, mode: ImagePaddingMode = .constant) -> PlanarImage {
        let rows = Self.indices(height, before: padding.top, after: padding.bottom, mode)
        let columns = Self.indices(width, before: padding.left, after: padding.right, mode)
        let fills = fill.planes(of: self)
        return made(height: rows.count, width: columns.count) { view, target in
            mk_image_gather(
                kernelType, view, rows, Int64(rows.count), columns, Int64(columns.count), fills, target)
            return true
        }
    }

    /// The source's index for each of the samples that padding leads to; -1 outside.
    private static func indices(_ size: Int, before: Int, after: Int, _ mode: ImagePaddingMode) -> [Int32] {
        guard size + before + after > 0 else { stop("padded: \(before) and \(after) at the sides of \(size) samples") }
        return (-before..<size + after).map { index in
            if (0..<size).contains(index) { return Int32(index) }
            switch mode {
            case .constant: return -1
            case .edge: return index < 0 ? 0 : Int32(size - 1)
            case .reflect:
                if size == 1 { return 0 }
                let place = modulo(index, 2 * size - 2)
                return Int32(min(place, 2 * size - 2 - place))
            case .symmetric:
                let place = modulo(index, 2 * size)
                return Int32(min(place, 2 * size - 1 - place))
            }
        }
    }

    private static func modulo(_ number: Int, _ divisor: Int) -> Int {
        let rest = number % divisor
        return rest < 0 ? rest + divisor : rest
    }
}

extension AnnotatedImage {
    /// Samples added at the sides: torchvision's `pad`. What a mode other than `constant` shows again gets no box again.
    public func padded(_ padding: ImagePadding, fill: Fill = 0, mode: ImagePaddingMode = .constant) -> AnnotatedImage {
        let (left, top) = (Float(padding.left), Float(padding.top))
        let size = ImageSize(
            height: image.height + padding.top + padding.bottom, width: image.width + padding.left + padding.right)
        return moved(
            image: { $0.padded(padding, fill: fill, mode: mode) },
            masks: { $0.padded(padding, fill: fill.ofMasks, mode: mode) },
            boxes: { boxes in
                var moved = boxes.mappedCorners { $0 + SIMD4(left, top, left, top) }
                moved.canvas = size
                return moved.clamped()
            },
            keypoints: { $0.mapped(canvas: size) { $0 + SIMD2(left, top) } })
    }
}
