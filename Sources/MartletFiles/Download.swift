import Foundation

/// Fetches one file into place with `curl`, from the first source that delivers it.
struct Download {
    let file: RemoteFile
    /// Where the checked file goes.
    let path: String
    /// A lock that `curl` shares, so that an orphaned transfer keeps others away from the partial file.
    let lock: Int32
    let progress: ((DownloadProgress) -> Void)?

    private var partial: String { path + ".partial" }

    func run() throws(FileError) {
        var failure = FileError(
            .unreachable, file: path, field: "sources", expected: "at least one address", found: "none")
        for url in file.urls {
            do {
                try fetch(from: url)
                return
            } catch {
                // A full disk or a missing program will not be better at the next source.
                guard error.kind == .unreachable || error.kind == .mismatch else { throw error }
                failure = error
            }
        }
        throw failure
    }

    private func fetch(from url: String) throws(FileError) {
        if size(of: partial) > 0 {
            do {
                return try attempt(url, resuming: true)
            } catch {
                // A server that cannot resume, or a beginning that was of another file: once more from the start.
                guard error.kind == .unreachable || error.kind == .mismatch else { throw error }
                unlink(partial)
            }
        }
        try attempt(url, resuming: false)
    }

    private func attempt(_ url: String, resuming: Bool) throws(FileError) {
        let result = try transfer(url, resuming: resuming)
        guard result.status == 0 else {
            // Transfers that broke off (partial file, time-out, receive error) may be resumed; nothing else is kept.
            if ![18, 28, 56].contains(result.status) { unlink(partial) }
            if result.status == 23 {  // curl could not write.
                throw .system(ENOSPC, file: path, step: "download")
            }
            throw FileError(
                .unreachable, file: path, field: url, expected: "to be delivered",
                found: result.message.isEmpty ? "curl's status \(result.status)" : result.message)
        }
        do {
            if size(of: partial) == 0 { close(open(partial, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)) }
            try file.check(partial, reportedAs: path)
            try install()
        } catch {
            unlink(partial)
            throw error
        }
    }

    private func install() throws(FileError) {
        let descriptor = open(partial, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, file: path, step: "open") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(errno, file: path, step: "flush") }
        guard rename(partial, path) == 0 else { throw .system(errno, file: path, step: "rename") }
    }

    private func transfer(_ url: String, resuming: Bool) throws(FileError) -> (status: Int32, message: String) {
        var arguments = [
            "curl", "--silent", "--show-error", "--fail", "--location", "--proto", "=https,http,file",
            "--proto-redir", "=https,http", "--connect-timeout", "20", "--speed-limit", "1000", "--speed-time", "30",
            "--output", partial,
        ]
        if resuming { arguments += ["--continue-at", "-"] }
        if let byteCount = file.byteCount { arguments += ["--max-filesize", "\(byteCount)"] }
        let child = try ChildProcess(arguments + ["--", url], inheriting: lock)
        var reported = -1
        while !child.hasEnded(within: 0.1) {
            let received = size(of: partial)
            if received != reported { report(url, received) }
            reported = received
        }
        let result = child.result
        if result.status == 0 { report(url, size(of: partial)) }
        return result
    }

    private func report(_ url: String, _ received: Int) {
        progress?(DownloadProgress(name: file.name, url: url, received: received, expected: file.byteCount))
    }

    private func size(of path: String) -> Int {
        var information = stat()
        return stat(path, &information) == 0 ? Int(information.st_size) : 0
    }
}
