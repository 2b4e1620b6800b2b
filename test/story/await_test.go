package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// awaitTimeout is longer than anything that a story waits for on a busy machine.
const awaitTimeout = 4 * time.Minute

// cmdAwait runs "await REGEXP journal [QUERY]" or "await REGEXP PROGRAM [ARG...]": it
// asks the journal, or runs the program until it succeeds, again and again until
// stdout matches.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await REGEXP journal [QUERY] | await REGEXP PROGRAM [ARG...]")
	}
	wanted, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var out string
		if args[1] == "journal" {
			out, err = journal(ctx, ts, args[2:])
		} else {
			err = ts.Exec(args[1], args[2:]...)
			out = ts.ReadFile("stdout")
		}
		if err == nil && wanted.MatchString(out) {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("no %q within %s; at last: %v\n%s", args[0], awaitTimeout, err, out)
		case <-tick.C:
		}
	}
}

// cmdExits runs "exits CODE PROGRAM [ARG...]": it demands exactly this exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	if failure, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failure.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// cmdJournal runs "journal [QUERY]", which prints what the embedded AWS wrote down, an
// entry per line as JSON, or "journal forget", which empties it.
func cmdJournal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: journal [QUERY] | journal forget")
	}
	if len(args) == 1 && args[0] == "forget" {
		req, err := http.NewRequest(http.MethodDelete, of(ts).value("aws.endpoint")+"/_aws/journal", nil)
		ts.Check(err)
		resp, err := http.DefaultClient.Do(req)
		ts.Check(err)
		ts.Check(resp.Body.Close())
		return
	}
	out, err := journal(context.Background(), ts, args)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), out)
}

func journal(ctx context.Context, ts *testscript.TestScript, query []string) (string, error) {
	url := of(ts).value("aws.endpoint") + "/_aws/journal"
	if len(query) == 1 {
		url += "?" + query[0]
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Entries []json.RawMessage `json:"entries"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, entry := range answer.Entries {
		fmt.Fprintf(&out, "%s\n", entry)
	}
	return out.String(), nil
}
