import Foundation
import MartletGraph

/// A pattern over the paths of parameters: `*` stands for any letters, `?` for one, `[ab]` for one of several.
struct ParameterPattern: Sendable {
    /// As it is written.
    let text: String

    /// Whether it names a parameter.
    func matches(_ name: String) -> Bool { fnmatch(text, name, 0) == 0 }

    /// The name that comes nearest to it; nil where there are no names.
    func nearest(among names: [String]) -> String? { NearestName.closest(toPattern: text, among: names) }
}
