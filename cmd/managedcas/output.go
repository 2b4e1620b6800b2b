package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/managedcas/managedcas/internal/client"
)

// print writes value as JSON, or rows as a table with a header.
func (a *app) print(value any, header []string, rows [][]string) error {
	if a.output == "json" {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(header, "\t"))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// tell writes a line for the user, which no script has to read.
func (a *app) tell(line string) { fmt.Fprintln(a.stderr, printable(line)) }

// printable replaces what a terminal would obey, or hide: names and messages come
// from servers and from whoever uploaded something.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// progress shows a bar on the terminal behind stderr, or nothing when there is none.
// The function returned second ends it.
func (a *app) progress(what string) (client.Progress, func()) {
	terminal, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	return func(moved, total int64) {
			if bar == nil {
				bar = progressbar.NewOptions64(total,
					progressbar.OptionSetWriter(terminal),
					progressbar.OptionSetDescription(what),
					progressbar.OptionShowBytes(true),
					progressbar.OptionThrottle(100*time.Millisecond),
					progressbar.OptionClearOnFinish())
			}
			_ = bar.Add64(moved) // a bar that cannot be drawn is no reason to fail
		}, func() {
			if bar != nil {
				_ = bar.Exit()
			}
		}
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, prefix := float64(bytes)/unit, 0
	for value >= unit && prefix < len("KMGTPE")-1 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
