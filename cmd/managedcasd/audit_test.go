package main

import (
	"bytes"
	"strings"
	"testing"
)

// A head of no chain is a mistake at the keyboard, and not a chain that somebody removed.
func TestHeadsNameAChain(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("a", 64)
	for head, want := range map[string]string{
		"quoll:3:" + hash: "use the id of an organization",
		"3:" + hash:       "with the chain and a colon before it",
	} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{"audit", "verify", "--config", "x.yaml", "--head", head}, nil, &out, &out); code != 2 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d: %s", head, code, &out)
		}
	}
	for _, head := range []string{"installation:3:" + hash, "8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11:3:" + hash} {
		if _, err := keptHeads([]string{head}); err != nil {
			t.Errorf("%s: %v", head, err)
		}
	}
}
