import MartletTensor
import Testing

/// What tensors look like when they are printed.
struct DescriptionTests {
    @Test func scalarsAndVectorsStandInOneLine() {
        #expect("\(Tensor(3))" == "3.  float32 []")
        #expect("\(Tensor([1, -2.5, 300]))" == "[  1.0  -2.5 300.0]  float32 [3]")
        #expect("\(Tensor([1, 22, -3] as [Int]))" == "[ 1 22 -3]  int64 [3]")
        #expect("\(Tensor([true, false]))" == "[ true false]  bool [2]")
        #expect("\(Tensor([0.1, 0.25] as [Double]))" == "[0.10 0.25]  float64 [2]")
        #expect("\(Tensor([1, 0.333333343]))" == "[1.0000 0.3333]  float32 [2]")
        #expect("\(Tensor([0.1, 1]).to(dtype: .bfloat16))" == "[0.1001 1.0000]  bfloat16 [2]")
    }

    @Test func infinitiesAndNaNAreAlignedWithTheOthers() {
        let x = Tensor([Float.nan, .infinity, -.infinity, 1.5])
        #expect("\(x)" == "[ nan  inf -inf  1.5]  float32 [4]")
        #expect("\(Tensor([Float.nan]))" == "[nan]  float32 [1]")
    }

    @Test func largeAndSmallNumbersHavePowersOfTen() {
        #expect("\(Tensor([1e-5, 1]))" == "[1.0000e-05 1.0000e+00]  float32 [2]")
        #expect("\(Tensor([-1e10, 0]))" == "[-1.0000e+10  0.0000e+00]  float32 [2]")
        #expect("\(Tensor([99_999_999, 1] as [Double]))" == "[99999999.        1.]  float64 [2]")
    }

    @Test func matricesHaveRowsAndBlocksHaveGaps() {
        #expect("\(Tensor([[1, 20], [300, 4]]))" == "[[  1.  20.]\n [300.   4.]]  float32 [2, 2]")
        let cube = Tensor.arange(8).reshape([2, 2, 2])
        #expect("\(cube)" == "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]  int64 [2, 2, 2]")
        #expect("\(cube.transpose(0, 2))" == "[[[0 4]\n  [2 6]]\n\n [[1 5]\n  [3 7]]]  int64 [2, 2, 2]")
        #expect("\(Tensor.zeros([0, 3]))" == "[]  float32 [0, 3]")
    }

    @Test func longAxesShowTheirEnds() {
        #expect("\(Tensor.arange(1001))" == "[   0    1    2 ...  998  999 1000]  int64 [1001]")
        let rows = """
            [[    0     1     2 ...   197   198   199]
             [  200   201   202 ...   397   398   399]
             [  400   401   402 ...   597   598   599]
             ...
             [19400 19401 19402 ... 19597 19598 19599]
             [19600 19601 19602 ... 19797 19798 19799]
             [19800 19801 19802 ... 19997 19998 19999]]  int64 [100, 200]
            """
        #expect("\(Tensor.arange(20_000).reshape([100, 200]))" == rows)
        #expect("\(Tensor.arange(3000).reshape([1000, 3])[0])" == "[0 1 2]  int64 [3]")
    }

    @Test func longRowsGoOnInTheNextLine() {
        let lines = "\(Tensor.arange(40))".split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("[ 0  1") && lines[0].count <= 101)
        #expect(lines[1].hasSuffix("39]  int64 [40]") && lines[1].hasPrefix(" "))
    }

    @Test func shapesPrintAsLists() {
        #expect("\(Tensor.zeros([3, 3]).shape)" == "[3, 3]")
        #expect("\(Tensor(1).shape)" == "[]")
        #expect(String(reflecting: Tensor(2)) == "2.  float32 []")
    }
}
