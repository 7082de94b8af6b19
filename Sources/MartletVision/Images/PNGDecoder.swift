import MartletFiles

/// Turns inflated PNG rows into 8-bit samples.
struct PNGDecoder {
    private let chunks: PNGChunks
    private let file: String
    private var header: PNGHeader { chunks.header }

    init(chunks: PNGChunks, file: String) {
        self.chunks = chunks
        self.file = file
    }

    /// Channels of the result.
    private var channels: Int {
        let alpha = chunks.transparency == nil ? 0 : 1
        return header.colorType == .palette ? 3 + alpha : header.colorType.samples + alpha
    }

    func decode(_ raw: consuming [UInt8]) throws(FileError) -> Image {
        let (channels, header) = (channels, header)
        var failure: FileError?
        let pixels = [UInt8](unsafeUninitializedCapacity: header.width * header.height * channels) { pixels, count in
            raw.withUnsafeMutableBufferPointer { raw in
                do throws(FileError) {
                    var offset = 0
                    for pass in header.passes { try decode(pass, raw, &offset, into: pixels, channels) }
                    count = header.width * header.height * channels
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return Image(width: header.width, height: header.height, channels: channels, pixels: pixels)
    }

    private func decode(
        _ pass: PNGHeader.Pass, _ raw: UnsafeMutableBufferPointer<UInt8>, _ offset: inout Int,
        into pixels: UnsafeMutableBufferPointer<UInt8>, _ channels: Int
    ) throws(FileError) {
        let rowSize = header.rowSize(pass.width)
        let expander = RowExpander(chunks: chunks, channels: channels)
        var above: UnsafeMutableBufferPointer<UInt8>?
        var samples = [UInt8](repeating: 0, count: pass.width * channels)
        for row in 0..<pass.height {
            let kind = raw[offset]
            let bytes = UnsafeMutableBufferPointer(rebasing: raw[offset + 1..<offset + 1 + rowSize])
            guard PNGFilter.decode(kind, bytes, above: above, pixelSize: header.pixelSize) else {
                throw .malformed(file, "image data", expected: "filter 0 to 4 for each row", found: "\(kind)")
            }
            let target = ((pass.firstRow + row * pass.rowStep) * header.width + pass.firstColumn) * channels
            let isInPalette = samples.withUnsafeMutableBufferPointer { samples in
                guard expander.expand(UnsafeBufferPointer(bytes), count: pass.width, into: samples) else {
                    return false
                }
                scatter(samples, to: pixels, from: target, step: pass.columnStep, channels)
                return true
            }
            guard isInPalette else {
                throw .malformed(file, "image data", expected: "indices of PLTE's colours", found: "a larger one")
            }
            above = bytes
            offset += 1 + rowSize
        }
    }

    private func scatter(
        _ samples: UnsafeMutableBufferPointer<UInt8>, to pixels: UnsafeMutableBufferPointer<UInt8>, from start: Int,
        step: Int, _ channels: Int
    ) {
        if step == 1 {
            _ = UnsafeMutableBufferPointer(rebasing: pixels[start..<start + samples.count]).update(from: samples)
            return
        }
        var target = start
        for source in stride(from: 0, to: samples.count, by: channels) {
            for channel in 0..<channels { pixels[target + channel] = samples[source + channel] }
            target += step * channels
        }
    }
}

/// Expands the packed, wide or palette samples of one row.
private struct RowExpander {
    private let depth: Int
    private let samplesPerPixel: Int
    private let channels: Int
    private let isPalette: Bool
    /// Red, green, blue and alpha of each palette entry.
    private var colors: [UInt8] = []
    /// The samples of the transparent colour, as wide as the file has them.
    private var transparent: [UInt16] = []

    init(chunks: PNGChunks, channels: Int) {
        depth = chunks.header.depth
        samplesPerPixel = chunks.header.colorType.samples
        isPalette = chunks.header.colorType == .palette
        self.channels = channels
        let transparency = chunks.transparency
        if isPalette {
            for entry in 0..<chunks.palette.count / 3 {
                colors += chunks.palette[3 * entry..<3 * entry + 3]
                colors.append(entry < (transparency?.count ?? 0) ? transparency?[entry] ?? 255 : 255)
            }
        } else if let transparency {
            transparent = stride(from: 0, to: transparency.count, by: 2).map {
                UInt16(transparency[$0]) << 8 | UInt16(transparency[$0 + 1])
            }
        }
    }

    /// Writes `count` pixels; false if an index is outside the palette.
    func expand(
        _ row: UnsafeBufferPointer<UInt8>, count: Int, into target: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        if depth == 8, !isPalette, transparent.isEmpty {
            _ = target.update(from: row)
            return true
        }
        if isPalette { return expandPalette(row, count: count, into: target) }
        // 255 divided by the largest sample: 255, 85, 17 and 1.
        let scale = depth < 8 ? 255 / (1 << depth - 1) : 1
        for pixel in 0..<count {
            var isTransparent = !transparent.isEmpty
            for channel in 0..<samplesPerPixel {
                let value = sample(row, pixel * samplesPerPixel + channel)
                if isTransparent, value != Int(transparent[channel]) { isTransparent = false }
                target[pixel * channels + channel] = UInt8(depth == 16 ? value >> 8 : value * scale)
            }
            if channels > samplesPerPixel {
                target[pixel * channels + samplesPerPixel] = isTransparent ? 0 : 255
            }
        }
        return true
    }

    private func expandPalette(
        _ row: UnsafeBufferPointer<UInt8>, count: Int, into target: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        colors.withUnsafeBufferPointer { colors in
            for pixel in 0..<count {
                let index = 4 * sample(row, pixel)
                guard index < colors.count else { return false }
                for channel in 0..<channels { target[pixel * channels + channel] = colors[index + channel] }
            }
            return true
        }
    }

    /// A sample of 1 to 16 bits; the first of a byte is in its highest bits.
    private func sample(_ row: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
        switch depth {
        case 16: return Int(row[2 * index]) << 8 | Int(row[2 * index + 1])
        case 8: return Int(row[index])
        default:
            let bit = index * depth
            return Int(row[bit >> 3]) >> (8 - depth - bit & 7) & (1 << depth - 1)
        }
    }
}
