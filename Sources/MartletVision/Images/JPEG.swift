import CEngines
import MartletFiles
import MartletGraph

/// Reads and writes JPEG pictures by TurboJPEG, which is looked for when it is first needed.
///
/// The library is `libturbojpeg.so.0` (Debian and Ubuntu: `apt-get install libturbojpeg0`, or `libturbojpeg`), found on the
/// system's loader path, or the file that the variable `MARTLET_TURBOJPEG` names; `none` there switches it off.
public enum JPEG {
    /// True where TurboJPEG was found.
    public static var isAvailable: Bool { ce_jpeg_load() }

    /// Where TurboJPEG was found, or why it was not.
    public static var report: String {
        _ = ce_jpeg_load()
        return String(cString: ce_jpeg_report())
    }

    /// Reads a file.
    ///
    /// - Throws: `FileError`, as `decode(_:file:)` does and for a file that cannot be read.
    public static func read(_ path: String) throws(FileError) -> Image {
        try MappedFile(path).withBytes { bytes throws(FileError) in try decode(bytes, file: path) }
    }

    /// Decodes a picture, grey or of three colours, as libjpeg does by default: exact cosine transforms, smooth upsampling. An
    /// orientation that a camera noted is not applied.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: the name for error messages.
    /// - Throws: `FileError` that names the field: `header`, `image data`; `codec` where TurboJPEG is missing.
    public static func decode(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) -> Image {
        try requireCodec(file)
        let start = bytes.bindMemory(to: UInt8.self).baseAddress
        var (width, height, channels): (Int32, Int32, Int32) = (0, 0, 0)
        let status = ce_jpeg_measure(start, bytes.count, &width, &height, &channels)
        if status == CE_UNIMPLEMENTED {
            throw .unsupported(file, "header", expected: "grey or three colours", found: message)
        }
        guard status == CE_OK else { throw .malformed(file, "header", expected: "a JPEG picture", found: message) }
        guard Int(width) * Int(height) <= PNGHeader.mostPixels else {
            throw .unsupported(
                file, "header", expected: "at most \(PNGHeader.mostPixels) pixels", found: "\(width) x \(height)")
        }
        var outcome = CE_OK
        let size = Int(width) * Int(height) * Int(channels)
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            buffer.initialize(repeating: 0)
            outcome = ce_jpeg_decode(start, bytes.count, width, height, channels, buffer.baseAddress)
            count = size
        }
        guard outcome == CE_OK else {
            throw .malformed(file, "image data", expected: "\(width) x \(height) pixels", found: message)
        }
        return Image(width: Int(width), height: Int(height), channels: Int(channels), pixels: pixels)
    }

    /// Decodes a picture from an array.
    static func decode(_ bytes: [UInt8], file: String) throws(FileError) -> Image {
        let result = bytes.withUnsafeBytes { bytes -> Result<Image, FileError> in
            do throws(FileError) { return .success(try decode(bytes, file: file)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Writes a picture of 1 or 3 channels, atomically.
    public static func write(_ image: Image, to path: String, quality: Int = 75) throws {
        try AtomicFile.write(encode(image, quality: quality), to: path)
    }

    /// Encodes a picture of 1 or 3 channels; colours are kept at half the resolution.
    ///
    /// - Parameter quality: from 1 to 100.
    /// - Throws: `FileError` with the field `codec` where TurboJPEG is missing.
    public static func encode(_ image: Image, quality: Int = 75) throws(FileError) -> [UInt8] {
        guard 1...100 ~= quality, image.channels == 1 || image.channels == 3 else {
            stop("JPEG.encode: quality \(quality) of 1 to 100, \(image.channels) channels of 1 or 3")
        }
        try requireCodec("JPEG")
        var (bytes, count): (UnsafeMutablePointer<UInt8>?, Int) = (nil, 0)
        defer { ce_jpeg_free(bytes) }
        let status = ce_jpeg_encode(
            image.pixels, Int32(image.width), Int32(image.height), Int32(image.channels), Int32(quality), &bytes, &count
        )
        guard status == CE_OK else {
            throw .malformed("JPEG", "pixels", expected: "a picture that can be encoded", found: message)
        }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    private static var message: String { String(cString: ce_message()) }

    private static func requireCodec(_ file: String) throws(FileError) {
        guard !isAvailable else { return }
        throw .unsupported(
            file, "codec", expected: "TurboJPEG (apt-get install libturbojpeg0, or name the file in MARTLET_TURBOJPEG)",
            found: report)
    }
}
