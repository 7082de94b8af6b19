import MartletFiles
import MartletGraph

extension PlanarImage {
    /// The picture as it comes back from a JPEG file: torchvision's `jpeg`.
    ///
    /// - Parameter quality: from 1 to 100.
    /// - Throws: `FileError` where TurboJPEG is not installed.
    public func jpegCompressed(quality: Int) throws(FileError) -> PlanarImage {
        requireColor("jpegCompressed")
        guard !isFloat else { stop("jpegCompressed: bytes are wanted, these are floats") }
        var pictures: [PlanarImage] = []
        for index in 0..<count {
            let file = try JPEG.encode(Image(self[picture: index]), quality: quality)
            pictures.append(PlanarImage(try JPEG.decode(file, file: "JPEG artefacts")))
        }
        return batch == nil ? pictures[0] : PlanarImage(batch: pictures)
    }
}
