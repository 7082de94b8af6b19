/// A message digest that is fed piece by piece in blocks of 64 bytes.
package protocol Digest {
    init()
    /// Digests one or more whole blocks of 64 bytes.
    mutating func absorb(_ blocks: UnsafeRawBufferPointer)
    /// The eight bytes that close the padding: the message's length in bits, in the digest's byte order.
    func encodedLength(_ bits: UInt64) -> UInt64
    /// The digest's bytes after the last block.
    var state: [UInt8] { get }
}

/// Cuts a message into blocks, pads its end and feeds a `Digest`.
package struct DigestStream<Function: Digest> {
    private var function = Function()
    private var pending: [UInt8] = []
    private var byteCount: UInt64 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var rest = bytes[...]
        if !pending.isEmpty {
            let missing = min(64 - pending.count, rest.count)
            pending.append(contentsOf: rest.prefix(missing))
            rest = rest.dropFirst(missing)
            guard pending.count == 64 else { return }
            pending.withUnsafeBytes { function.absorb($0) }
            pending.removeAll(keepingCapacity: true)
        }
        let whole = rest.count & ~63
        if whole > 0 { function.absorb(UnsafeRawBufferPointer(rebasing: rest.prefix(whole))) }
        pending.append(contentsOf: rest.dropFirst(whole))
    }

    /// The digest of all that was fed, as lower-case hexadecimal digits; the stream ends here.
    package consuming func finish() -> String {
        let length = function.encodedLength(byteCount &* 8)
        pending.append(0x80)
        while pending.count % 64 != 56 { pending.append(0) }
        withUnsafeBytes(of: length) { pending.append(contentsOf: $0) }
        pending.withUnsafeBytes { function.absorb($0) }
        return hexadecimal(function.state)
    }

    /// The digest of one run of bytes.
    package static func digest(_ bytes: UnsafeRawBufferPointer) -> String {
        var stream = DigestStream()
        stream.update(bytes)
        return stream.finish()
    }
}

/// MD5 (RFC 1321): names a file's contents where a publisher gives nothing better; no protection against forgery.
package typealias MD5 = DigestStream<MD5Function>
/// SHA-256 (FIPS 180-4).
package typealias SHA256 = DigestStream<SHA256Function>
