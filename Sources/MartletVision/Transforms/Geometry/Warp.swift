import CMartletKernels
import MartletGraph

/// From a place of the result to the place of the picture that it shows.
enum InverseMap {
    /// a ... f of (a x + b y + c, d x + e y + f), in samples from the middle.
    case affine([Double])
    /// a ... h of the perspective, in samples from the corner.
    case perspective([Float])
    /// What is added to each place, in halves of the picture's sides.
    case field([Float])

    /// The map as kernels take it.
    func withKernelMap<Result>(_ body: (mk_image_map) -> Result) -> Result {
        var map = mk_image_map()
        var numbers: [Float]
        switch self {
        case .affine(let matrix):
            map.kind = MK_IMAGE_AFFINE
            numbers = matrix.map { Float($0) }
        case .perspective(let coefficients):
            map.kind = MK_IMAGE_PERSPECTIVE
            numbers = coefficients
        case .field(let field):
            map.kind = MK_IMAGE_FIELD
            return field.withUnsafeBufferPointer {
                map.field = $0.baseAddress
                return body(map)
            }
        }
        numbers += [Float](repeating: 0, count: 8 - numbers.count)
        map.coefficients = (
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7]
        )
        return body(map)
    }
}

extension PlanarImage {
    /// A picture of `size` whose samples lie where `map` says in this one.
    func warped(_ map: InverseMap, _ size: ImageSize, _ interpolation: Interpolation, _ fill: Fill) -> PlanarImage {
        if let problem = interpolation.problemInWarps { stop("warped: \(problem)") }
        let fills = fill.planes(of: self)
        return made(height: size.height, width: size.width) { view, target in
            map.withKernelMap { map in
                withUnsafePointer(to: map) { map in
                    mk_image_warp(
                        kernelType, view, Int64(size.height), Int64(size.width), map, interpolation == .bilinear, fills,
                        target)
                }
            }
        }
    }
}
