/// Reverses the bytes of each element in place, for files that have the highest byte first.
///
/// - Parameter width: bytes an element takes; the array's size is a multiple of it.
package func swapBytes(_ bytes: inout [UInt8], width: Int) {
    bytes.withUnsafeMutableBytes { buffer in
        func swap<Word: FixedWidthInteger>(_ type: Word.Type) {
            for offset in stride(from: 0, to: buffer.count, by: MemoryLayout<Word>.size) {
                let word = buffer.loadUnaligned(fromByteOffset: offset, as: Word.self)
                buffer.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
            }
        }
        switch width {
        case 2: swap(UInt16.self)
        case 4: swap(UInt32.self)
        case 8: swap(UInt64.self)
        default: break
        }
    }
}
