import MartletTraining
import Testing

@Suite("Numbers for people")
struct NumberTextTests {
    @Test(
        "integers have a comma every three digits",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (61_706, "61,706"), (-1_234_567, "-1,234,567"),
            (Int.min, "-9,223,372,036,854,775,808"),
        ])
    func grouped(value: Int, text: String) { #expect(NumberText.grouped(value) == text) }

    @Test(
        "a loss never takes more than eight characters",
        arguments: [
            (0.0421, "0.0421"), (9.99996, "10.000"), (12.3456, "12.346"), (123.456, "123.46"), (99_999.9, "99999.9"),
            (1.23e-5, "1.2e-05"), (3e8, "3.0e+08"), (0, "0.0000"), (-0.5, "-0.5000"), (.nan, "nan"), (.infinity, "inf"),
            (-.infinity, "-inf"),
        ])
    func loss(value: Double, text: String) {
        #expect(NumberText.loss(value) == text)
        #expect(text.count <= 8)
    }

    @Test(
        "times are read off a clock's face",
        arguments: [
            (0.4, "0:00"), (41.6, "0:42"), (725, "12:05"), (3725, "1:02:05"), (183_600, "2d 03h"), (-3, "0:00"),
            (.infinity, "?"), (.nan, "?"),
        ])
    func clock(seconds: Double, text: String) { #expect(NumberText.clock(seconds) == text) }

    @Test(
        "durations keep three significant figures",
        arguments: [
            (0.836, "0.84 s"), (9.996, "10.0 s"), (12.34, "12.3 s"), (59.97, "1 min 00 s"), (245.2, "4 min 05 s"),
            (7620, "2 h 07 min"),
        ])
    func duration(seconds: Double, text: String) { #expect(NumberText.duration(seconds) == text) }

    @Test("rates lose their decimals at a hundred, and sizes change their unit at 1024")
    func ratesAndSizes() {
        #expect(NumberText.rate(12.44) == "12.4")
        #expect(NumberText.rate(99.96) == "100")
        #expect(NumberText.rate(41_203.4) == "41,203")
        #expect(NumberText.bytes(812) == "812 B")
        #expect(NumberText.bytes(1024) == "1.0 KiB")
        #expect(NumberText.bytes(1_048_575) == "1.0 MiB")
        #expect(NumberText.percent(0.98713) == "98.71%")
    }
}
