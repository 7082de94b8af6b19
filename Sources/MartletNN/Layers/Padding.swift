import MartletGraph
import MartletTensor

/// A layer that adds positions around the spatial axes.
public protocol PaddingLayer: Layer {
    /// Spatial axes of an input.
    static var spatialAxes: Int { get }
    /// What the new positions hold.
    static var paddingMode: PaddingMode { get }
    /// Positions added before and after each spatial axis, the last axis first: left, right, top, bottom, front, back.
    var padding: [Int] { get }
}

extension PaddingLayer {
    /// x with the positions added. Stops where it has another number of axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank == Self.spatialAxes + 1 || x.rank == Self.spatialAxes + 2 else {
            stop(
                "\(Self.self): needs \(Self.spatialAxes) spatial axes after batch and channels, the shape is \(x.shape)"
            )
        }
        return observed(x) { x in
            let axes = (0..<Self.spatialAxes).reversed()
            return x.padded(
                low: axes.map { padding[2 * $0] }, high: axes.map { padding[2 * $0 + 1] }, Self.paddingMode)
        }
    }

    static func checked(_ padding: [Int]) -> [Int] {
        guard padding.count == 2 * spatialAxes, padding.allSatisfy({ $0 >= 0 }) else {
            stop("\(Self.self)(\(padding)): \(2 * spatialAxes) numbers that are not negative are expected")
        }
        return padding
    }
}

/// Zeros around the length.
///
/// ## Shapes
/// - `[batch, channels, length]` → each spatial axis longer by what is added at its two ends
public final class ZeroPad1d: PaddingLayer {
    /// 1.
    public static var spatialAxes: Int { 1 }
    /// Zeros.
    public static var paddingMode: PaddingMode { .constant(0) }
    /// Positions added: [left, right].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 2)) }
    /// Positions [left, right].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// Zeros around an image.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → each spatial axis longer by what is added at its two ends
public final class ZeroPad2d: PaddingLayer {
    /// 2.
    public static var spatialAxes: Int { 2 }
    /// Zeros.
    public static var paddingMode: PaddingMode { .constant(0) }
    /// Positions added: [left, right, top, bottom].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 4)) }
    /// Positions [left, right, top, bottom].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// Zeros around a volume.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → each spatial axis longer by what is added at its two ends
public final class ZeroPad3d: PaddingLayer {
    /// 3.
    public static var spatialAxes: Int { 3 }
    /// Zeros.
    public static var paddingMode: PaddingMode { .constant(0) }
    /// Positions added: [left, right, top, bottom, front, back].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 6)) }
    /// Positions [left, right, top, bottom, front, back].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// The elements mirrored at the edge, the edge itself not repeated, around the length.
///
/// ## Shapes
/// - `[batch, channels, length]` → each spatial axis longer by what is added at its two ends
public final class ReflectionPad1d: PaddingLayer {
    /// 1.
    public static var spatialAxes: Int { 1 }
    /// The elements mirrored at the edge, the edge itself not repeated.
    public static var paddingMode: PaddingMode { .reflect }
    /// Positions added: [left, right].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 2)) }
    /// Positions [left, right].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// The elements mirrored at the edge, the edge itself not repeated, around an image.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → each spatial axis longer by what is added at its two ends
public final class ReflectionPad2d: PaddingLayer {
    /// 2.
    public static var spatialAxes: Int { 2 }
    /// The elements mirrored at the edge, the edge itself not repeated.
    public static var paddingMode: PaddingMode { .reflect }
    /// Positions added: [left, right, top, bottom].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 4)) }
    /// Positions [left, right, top, bottom].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// The elements mirrored at the edge, the edge itself not repeated, around a volume.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → each spatial axis longer by what is added at its two ends
public final class ReflectionPad3d: PaddingLayer {
    /// 3.
    public static var spatialAxes: Int { 3 }
    /// The elements mirrored at the edge, the edge itself not repeated.
    public static var paddingMode: PaddingMode { .reflect }
    /// Positions added: [left, right, top, bottom, front, back].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 6)) }
    /// Positions [left, right, top, bottom, front, back].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// The edge repeated around the length.
///
/// ## Shapes
/// - `[batch, channels, length]` → each spatial axis longer by what is added at its two ends
public final class ReplicationPad1d: PaddingLayer {
    /// 1.
    public static var spatialAxes: Int { 1 }
    /// The edge repeated.
    public static var paddingMode: PaddingMode { .edge }
    /// Positions added: [left, right].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 2)) }
    /// Positions [left, right].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// The edge repeated around an image.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → each spatial axis longer by what is added at its two ends
public final class ReplicationPad2d: PaddingLayer {
    /// 2.
    public static var spatialAxes: Int { 2 }
    /// The edge repeated.
    public static var paddingMode: PaddingMode { .edge }
    /// Positions added: [left, right, top, bottom].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 4)) }
    /// Positions [left, right, top, bottom].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}

/// The edge repeated around a volume.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → each spatial axis longer by what is added at its two ends
public final class ReplicationPad3d: PaddingLayer {
    /// 3.
    public static var spatialAxes: Int { 3 }
    /// The edge repeated.
    public static var paddingMode: PaddingMode { .edge }
    /// Positions added: [left, right, top, bottom, front, back].
    public let padding: [Int]
    /// As many positions at each end of each spatial axis.
    public convenience init(_ padding: Int) { self.init(Array(repeating: padding, count: 6)) }
    /// Positions [left, right, top, bottom, front, back].
    public init(_ padding: [Int]) { self.padding = Self.checked(padding) }
}
