package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// printer writes for a terminal or for a log: the same lines, but only a terminal
// sees colours and what is still going on.
type printer struct {
	w        io.Writer
	terminal bool
	names    *strings.Replacer // long identifiers, by the names they are told with
}

func newPrinter(w io.Writer) *printer {
	f, file := w.(*os.File)
	terminal := file && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	return &printer{w: w, terminal: terminal, names: strings.NewReplacer()}
}

const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	cyan  = "36"
)

// colour follows https://no-color.org.
func (p *printer) colour(code, s string) string {
	if !p.terminal || os.Getenv("NO_COLOR") != "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) chapter(number int, title string) {
	fmt.Fprintf(p.w, "\n%s  %s\n\n", p.colour(bold, fmt.Sprint(number)), p.colour(bold, title))
}

const indent = "   "

func (p *printer) line(s string) { fmt.Fprintln(p.w, indent+s) }

func (p *printer) gap() { fmt.Fprintln(p.w) }

// ok is a line that says that a check held.
func (p *printer) ok(s string) { p.line(p.colour(green, "ok") + "  " + s) }

// refused is a line that says how something was answered that must not work.
func (p *printer) refused(code, what string) {
	p.line(p.colour(red, code) + "  " + p.colour(bold, what))
}

const labelWidth = 16

// field is a labelled value; further lines of it stand below the first.
func (p *printer) field(label, value string) {
	for line := range strings.SplitSeq(p.wrap(p.names.Replace(value)), "\n") {
		p.line(p.colour(dim, fmt.Sprintf("%-*s", labelWidth, "  "+label)) + line)
		label = ""
	}
}

// command shows what was run and what it printed.
func (p *printer) command(args []string, output string) {
	p.line(p.colour(cyan, "$ "+strings.Join(args, " ")))
	for line := range strings.Lines(output) {
		p.line("  " + strings.TrimRight(line, " \n"))
	}
}

// width is what lines are broken at, where they can be.
const width = 108 - labelWidth

// wrap breaks value between words.
func (p *printer) wrap(value string) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Fields(value) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			out.WriteByte('\n')
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String()
}

// during runs do. A terminal sees at once what is being done, a log only when it
// takes longer than a second.
func (p *printer) during(what string, do func() error) error {
	if p.terminal {
		fmt.Fprint(p.w, indent+p.colour(dim, what+" …"))
		defer fmt.Fprint(p.w, "\r\x1b[K")
		return do()
	}
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Second):
		p.line(what + " …")
		return <-ended
	}
}

func (p *printer) success(s string) { fmt.Fprintf(p.w, "\n%s\n", p.colour(green, s)) }

// failure says what went wrong and what the server had to say, and returns err.
func (p *printer) failure(err error, log string) error {
	fmt.Fprintf(p.w, "\n%s\n", p.colour(red, "FAILED: "+err.Error()))
	if log != "" {
		fmt.Fprintf(p.w, "\nThe end of the server's log:\n%s\n", log)
	}
	return err
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// short leaves enough of a digest to recognize it.
func short(digest string) string {
	const shown = len("sha256:") + 12
	if len(digest) <= shown {
		return digest
	}
	return digest[:shown] + "…"
}
