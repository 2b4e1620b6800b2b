package database

import "net/url"

// dsn returns the driver's name for the file at path, with the settings that every
// connection needs.
func dsn(path string) string {
	settings := url.Values{
		// Writers take their lock when they begin; a read lock that is upgraded later can
		// deadlock with another one.
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(5000)",
			"journal_mode(WAL)",
			// FULL: an organization that a client was told of survives a power cut.
			"synchronous(FULL)",
			"foreign_keys(1)",
			"trusted_schema(0)",
		},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}).String()
}
