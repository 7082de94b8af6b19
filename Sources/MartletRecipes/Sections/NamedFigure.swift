import MartletTraining

/// A figure that something goes by, and where a recipe names it.
struct NamedFigure: Sendable {
    let figure: MonitoredFigure
    /// The path of the key that names it.
    let key: String
    let place: RecipePlace

    /// An error for a figure that the data do not have.
    func error(_ expected: String, _ file: String) -> RecipeError {
        RecipeError(file: file, place: place, key: key, expected: expected, found: figure.name)
    }
}

extension RecipeMap {
    /// The figure under `monitor`; nil where none is named.
    func monitor(among names: [String], default usual: String? = nil) throws -> NamedFigure? {
        guard has("monitor") || usual != nil else { return nil }
        let place = value("monitor")?.place ?? place
        let key = (path + ["monitor"]).joined(separator: ".")
        return MonitoredFigure(named: try name("monitor", among: names, default: usual)).map {
            NamedFigure(figure: $0, key: key, place: place)
        }
    }
}
