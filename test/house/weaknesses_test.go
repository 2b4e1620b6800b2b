package house

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// weaknesses is how many there are (facts WIRE §8).
const weaknesses = 27

// Every weakness of docs/weaknesses.md has its row, and in it a test that bears its number
// and exists.
func TestEveryWeaknessHasItsTest(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	definition := regexp.MustCompile(`(?m)^func (TestW\d+_\w+)\(`)
	for _, s := range sources(t) {
		for _, match := range definition.FindAllStringSubmatch(s.text, -1) {
			known[match[1]] = s.test
		}
	}
	text, err := os.ReadFile("../../docs/weaknesses.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`(Test\\w+)`")
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if number, row, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && strings.HasPrefix(number, "W") {
			rows[number] += row
		}
	}
	for n := 1; n <= weaknesses; n++ {
		number := fmt.Sprintf("W%d", n)
		tests := name.FindAllStringSubmatch(rows[number], -1)
		if len(tests) == 0 {
			t.Errorf("docs/weaknesses.md names no test of %s", number)
		}
		for _, test := range tests {
			if !known[test[1]] || !strings.Contains(test[1], number+"_") {
				t.Errorf("%s: there is no test %s, or it bears another number", number, test[1])
			}
		}
	}
	if len(rows) != weaknesses {
		t.Errorf("%d rows, want %d", len(rows), weaknesses)
	}
}
