/// MD5's compression function.
package struct MD5Function: Digest {
    private var words = SIMD4<UInt32>(0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476)

    package init() {}

    // floor(2^32 · |sin(i + 1)|), the standard's own definition, would need the C library's sine to be exact: a table.
    private static let constants: [UInt32] = [
        0xD76A_A478, 0xE8C7_B756, 0x2420_70DB, 0xC1BD_CEEE, 0xF57C_0FAF, 0x4787_C62A, 0xA830_4613, 0xFD46_9501,
        0x6980_98D8, 0x8B44_F7AF, 0xFFFF_5BB1, 0x895C_D7BE, 0x6B90_1122, 0xFD98_7193, 0xA679_438E, 0x49B4_0821,
        0xF61E_2562, 0xC040_B340, 0x265E_5A51, 0xE9B6_C7AA, 0xD62F_105D, 0x0244_1453, 0xD8A1_E681, 0xE7D3_FBC8,
        0x21E1_CDE6, 0xC337_07D6, 0xF4D5_0D87, 0x455A_14ED, 0xA9E3_E905, 0xFCEF_A3F8, 0x676F_02D9, 0x8D2A_4C8A,
        0xFFFA_3942, 0x8771_F681, 0x6D9D_6122, 0xFDE5_380C, 0xA4BE_EA44, 0x4BDE_CFA9, 0xF6BB_4B60, 0xBEBF_BC70,
        0x289B_7EC6, 0xEAA1_27FA, 0xD4EF_3085, 0x0488_1D05, 0xD9D4_D039, 0xE6DB_99E5, 0x1FA2_7CF8, 0xC4AC_5665,
        0xF429_2244, 0x432A_FF97, 0xAB94_23A7, 0xFC93_A039, 0x655B_59C3, 0x8F0C_CC92, 0xFFEF_F47D, 0x8584_5DD1,
        0x6FA8_7E4F, 0xFE2C_E6E0, 0xA301_4314, 0x4E08_11A1, 0xF753_7E82, 0xBD3A_F235, 0x2AD7_D2BB, 0xEB86_D391,
    ]

    package mutating func absorb(_ blocks: UnsafeRawBufferPointer) {
        Self.constants.withUnsafeBufferPointer { constants in
            for offset in stride(from: 0, to: blocks.count, by: 64) {
                let block = UnsafeRawBufferPointer(rebasing: blocks[offset..<offset + 64])
                words = Self.compress(words, block, constants)
            }
        }
    }

    private static func compress(
        _ start: SIMD4<UInt32>, _ block: UnsafeRawBufferPointer, _ constants: UnsafeBufferPointer<UInt32>
    ) -> SIMD4<UInt32> {
        var (a, b, c, d) = (start[0], start[1], start[2], start[3])
        func turn(_ mix: UInt32, _ step: Int, _ word: Int, _ shift: UInt32) {
            let message = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: word &* 4, as: UInt32.self))
            let sum = a &+ mix &+ constants[step] &+ message
            (a, d, c, b) = (d, c, b, b &+ (sum &<< shift | sum &>> (32 &- shift)))
        }
        for step in stride(from: 0, to: 16, by: 4) {
            turn(d ^ (b & (c ^ d)), step, step, 7)
            turn(d ^ (b & (c ^ d)), step + 1, step + 1, 12)
            turn(d ^ (b & (c ^ d)), step + 2, step + 2, 17)
            turn(d ^ (b & (c ^ d)), step + 3, step + 3, 22)
        }
        for step in stride(from: 16, to: 32, by: 4) {
            turn(c ^ (d & (b ^ c)), step, (5 &* step &+ 1) & 15, 5)
            turn(c ^ (d & (b ^ c)), step + 1, (5 &* step &+ 6) & 15, 9)
            turn(c ^ (d & (b ^ c)), step + 2, (5 &* step &+ 11) & 15, 14)
            turn(c ^ (d & (b ^ c)), step + 3, (5 &* step) & 15, 20)
        }
        for step in stride(from: 32, to: 48, by: 4) {
            turn(b ^ c ^ d, step, (3 &* step &+ 5) & 15, 4)
            turn(b ^ c ^ d, step + 1, (3 &* step &+ 8) & 15, 11)
            turn(b ^ c ^ d, step + 2, (3 &* step &+ 11) & 15, 16)
            turn(b ^ c ^ d, step + 3, (3 &* step &+ 14) & 15, 23)
        }
        for step in stride(from: 48, to: 64, by: 4) {
            turn(c ^ (b | ~d), step, (7 &* step) & 15, 6)
            turn(c ^ (b | ~d), step + 1, (7 &* step &+ 7) & 15, 10)
            turn(c ^ (b | ~d), step + 2, (7 &* step &+ 14) & 15, 15)
            turn(c ^ (b | ~d), step + 3, (7 &* step &+ 21) & 15, 21)
        }
        return start &+ SIMD4(a, b, c, d)
    }

    package func encodedLength(_ bits: UInt64) -> UInt64 { bits.littleEndian }

    package var state: [UInt8] {
        var bytes: [UInt8] = []
        for lane in words.indices { bytes.append(little: words[lane]) }
        return bytes
    }
}
