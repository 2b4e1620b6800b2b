package doctor

import (
	_ "embed"
	"strings"
)

// catalogue has a line for each code: the code, a tab, and the cause.
//
//go:embed catalogue.tsv
var catalogue string

// Entry is a misconfiguration that the doctor knows.
type Entry struct{ Code, Cause string }

// Catalogue is all that the doctor can find, in the order of docs/doctor.md.
func Catalogue() []Entry {
	var all []Entry
	for line := range strings.Lines(catalogue) {
		code, cause, _ := strings.Cut(strings.TrimSpace(line), "\t")
		all = append(all, Entry{code, cause})
	}
	return all
}
