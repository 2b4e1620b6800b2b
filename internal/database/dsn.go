package database

import "net/url"

// synchronous says when SQLite waits for the disk (its PRAGMA synchronous).
type synchronous string

const (
	// durable: an organization that a client was told of survives a power cut.
	durable synchronous = "FULL"
	// relaxed: with the WAL, a transaction survives the process but not a power cut, and
	// the file is sound after either (sqlite.org/pragma.html#pragma_synchronous).
	relaxed synchronous = "NORMAL"
)

// dsn returns the driver's name for the file at path, with the settings that every
// connection needs.
func dsn(path string, sync synchronous) string {
	settings := url.Values{
		// Writers take their lock when they begin; a read lock that is upgraded later can
		// deadlock with another one.
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(5000)",
			"journal_mode(WAL)",
			"synchronous(" + string(sync) + ")",
			"foreign_keys(1)",
			"trusted_schema(0)",
		},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}).String()
}
