import CMartletKernels

extension PlanarImage {
    /// Left and right exchanged: torchvision's `horizontal_flip`.
    public func flippedHorizontally() -> PlanarImage {
        made { view, target in
            mk_image_flip(kernelType, view, target)
            return true
        }
    }

    /// Top and bottom exchanged: torchvision's `vertical_flip`.
    public func flippedVertically() -> PlanarImage {
        let rowSize = width * sampleSize
        return made { view, target in
            guard let source = view.data else { return false }
            for plane in 0..<planes {
                let start = plane * planeSize * sampleSize
                for row in 0..<height {
                    (target + start + row * rowSize).copyMemory(
                        from: source + start + (height - 1 - row) * rowSize, byteCount: rowSize)
                }
            }
            return true
        }
    }

    /// Rows become columns.
    func transposed() -> PlanarImage {
        made(height: width, width: height) { view, target in
            mk_image_transpose(kernelType, view, target)
            return true
        }
    }
}

extension AnnotatedImage {
    /// Left and right exchanged: torchvision's `horizontal_flip`. A box's edge x becomes width - x, a keypoint's x, which names
    /// a sample, width - 1 - x.
    public func flippedHorizontally() -> AnnotatedImage {
        let width = Float(image.width)
        return moved(
            image: { $0.flippedHorizontally() },
            boxes: { $0.mappedCorners { SIMD4(width - $0.z, $0.y, width - $0.x, $0.w) } },
            keypoints: { $0.mapped { SIMD2(width - 1 - $0.x, $0.y) } })
    }

    /// Top and bottom exchanged: torchvision's `vertical_flip`.
    public func flippedVertically() -> AnnotatedImage {
        let height = Float(image.height)
        return moved(
            image: { $0.flippedVertically() },
            boxes: { $0.mappedCorners { SIMD4($0.x, height - $0.w, $0.z, height - $0.y) } },
            keypoints: { $0.mapped { SIMD2($0.x, height - 1 - $0.y) } })
    }
}
