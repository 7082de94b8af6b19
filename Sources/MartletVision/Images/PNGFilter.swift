import MartletFiles

/// The filters of PNG rows: each byte is stored as its difference from a guess made of its neighbours.
enum PNGFilter {
    /// Undoes the filter of one row in place.
    ///
    /// - Parameters:
    ///   - kind: the row's filter byte, 0 to 4.
    ///   - row: the row's bytes behind the filter byte.
    ///   - above: the row before it, already decoded; nil for the first one, which counts as zeros.
    ///   - pixelSize: bytes from a sample to its left neighbour.
    /// - Returns: false if there is no such filter.
    static func decode(
        _ kind: UInt8, _ row: UnsafeMutableBufferPointer<UInt8>, above: UnsafeMutableBufferPointer<UInt8>?,
        pixelSize: Int
    ) -> Bool {
        let (head, count) = (min(pixelSize, row.count), row.count)
        switch kind {
        case 0: break
        case 1:
            for index in head..<count { row[index] &+= row[index &- pixelSize] }
        case 2:
            guard let above else { break }
            for index in 0..<count { row[index] &+= above[index] }
        case 3:
            for index in 0..<head { row[index] &+= (above?[index] ?? 0) / 2 }
            for index in head..<count {
                let sum = UInt16(row[index &- pixelSize]) + UInt16(above?[index] ?? 0)
                row[index] &+= UInt8(truncatingIfNeeded: sum >> 1)
            }
        case 4:
            guard let above else { return decode(1, row, above: nil, pixelSize: pixelSize) }
            for index in 0..<head { row[index] &+= above[index] }
            for index in head..<count {
                row[index] &+= paeth(row[index &- pixelSize], above[index], above[index &- pixelSize])
            }
        default: return false
        }
        return true
    }

    /// The neighbour that is nearest to left + above - corner.
    private static func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
        let (a, b, c) = (Int(left), Int(above), Int(corner))
        let (toLeft, toAbove, toCorner) = (abs(b &- c), abs(a &- c), abs(a &+ b &- 2 &* c))
        return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner
    }

    /// Filters all rows: for each the filter whose differences, taken as signed numbers, add up to the least.
    static func encode(_ pixels: [UInt8], rowSize: Int, pixelSize: Int) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(pixels.count + pixels.count / rowSize)
        pixels.withUnsafeBufferPointer { pixels in
            var candidates = [[UInt8]](repeating: [UInt8](repeating: 0, count: rowSize), count: 5)
            for start in stride(from: 0, to: pixels.count, by: rowSize) {
                var best = (kind: 0, cost: Int.max)
                for kind in 0..<5 {
                    let cost = fill(&candidates[kind], kind, pixels, start, pixelSize)
                    if cost < best.cost { best = (kind, cost) }
                }
                output.append(UInt8(best.kind))
                output += candidates[best.kind]
            }
        }
        return output
    }

    private static func fill(
        _ row: inout [UInt8], _ kind: Int, _ pixels: UnsafeBufferPointer<UInt8>, _ start: Int, _ pixelSize: Int
    ) -> Int {
        var cost = 0
        row.withUnsafeMutableBufferPointer { row in
            let rowSize = row.count
            for index in 0..<rowSize {
                let left = index >= pixelSize ? pixels[start + index - pixelSize] : 0
                let above = start > 0 ? pixels[start + index - rowSize] : 0
                let corner = start > 0 && index >= pixelSize ? pixels[start + index - rowSize - pixelSize] : 0
                let guess: UInt8
                switch kind {
                case 0: guess = 0
                case 1: guess = left
                case 2: guess = above
                case 3: guess = UInt8((Int(left) + Int(above)) / 2)
                default: guess = paeth(left, above, corner)
                }
                row[index] = pixels[start + index] &- guess
                cost += Int(Int8(bitPattern: row[index]).magnitude)
            }
        }
        return cost
    }
}
