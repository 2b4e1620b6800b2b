package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/iam"
)

// attempt is something that somebody must not be able to do.
type attempt struct {
	what string // one sentence
	do   func(context.Context) error
	// sid is a statement that must be among those that deny; empty: nothing may allow
	// the call, and layer is the kind of policy that does not.
	sid   string
	layer iam.Layer
}

// refuse makes the attempts. Each must fail, and for its own reason.
func (d *demo) refuse(ctx context.Context, attempts []attempt) error {
	for i, a := range attempts {
		if i > 0 {
			d.out.gap()
		}
		if err := d.refused(ctx, a); err != nil {
			return fmt.Errorf("%s: %w", a.what, err)
		}
	}
	return nil
}

func (d *demo) refused(ctx context.Context, a attempt) error {
	err := a.do(ctx)
	if err == nil {
		return unexpected("this must not work", "AccessDenied", "it worked")
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) || answer.ErrorCode() != "AccessDenied" {
		return unexpected("the answer of AWS", "AccessDenied", err.Error())
	}
	entry, err := d.journalled(ctx, err)
	if err != nil {
		return err
	}
	because := denial(entry)
	if !a.explains(because) {
		return unexpected("what decided", a.expected(), strings.Join(explanations(because), "; "))
	}
	d.out.refused(answer.ErrorCode(), a.what)
	d.out.field("call", because[0].Action+" on "+because[0].Resource)
	d.out.field("by", entry.Caller)
	label := "decided by"
	for _, line := range explanations(because) {
		d.out.field(label, line)
		label = "and by"
	}
	return nil
}

func (a attempt) explains(because []iam.Reason) bool {
	return slices.ContainsFunc(because, func(r iam.Reason) bool {
		if a.sid == "" {
			return r.Statement < 0 && r.Layer == a.layer
		}
		return r.Effect == iam.Deny && r.Sid == a.sid
	})
}

func (a attempt) expected() string {
	if a.sid == "" {
		return "no " + string(a.layer) + " allows it"
	}
	return "statement " + a.sid
}

// denial returns why a request was denied: the reasons of the first decision that did
// not allow.
func denial(e journal.Entry) []iam.Reason {
	for _, decision := range e.Decisions {
		if !decision.Allowed() {
			return decision.Because
		}
	}
	return nil
}

// explanations tell reasons in the order in which they decided, each once.
func explanations(because []iam.Reason) []string {
	var lines []string
	for _, r := range because {
		line := "nothing: no " + string(r.Layer) + " allows it"
		switch {
		case r.Sid != "":
			line = r.Sid + ", in the " + policyName(r)
		case strings.HasPrefix(r.Action, "sts:"):
			line = "nothing: no statement of the role's trust policy allows " + r.Action + " like this"
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// policyName names the policy of a reason. Bucket and access point policies bear
// their kind in the name, policies of IAM do not.
func policyName(r iam.Reason) string {
	if strings.HasPrefix(r.Policy, "arn:") || strings.HasPrefix(r.Policy, "inline:") {
		return string(r.Layer) + " " + r.Policy
	}
	return r.Policy
}

// journalled finds the journal entry of a failed call by its request id.
func (d *demo) journalled(ctx context.Context, failed error) (journal.Entry, error) {
	var response interface{ ServiceRequestID() string }
	if !errors.As(failed, &response) {
		return journal.Entry{}, fmt.Errorf("no request id in: %w", failed)
	}
	query := d.dev.ready.AWS.Endpoint + "/_aws/journal?request=" + url.QueryEscape(response.ServiceRequestID())
	// The entry is written when the request is over, which the caller may learn first.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var page struct{ Entries []journal.Entry }
		if err := getJSON(ctx, query, &page); err != nil {
			return journal.Entry{}, fmt.Errorf("reading the journal: %w", err)
		}
		if len(page.Entries) > 0 {
			return page.Entries[0], nil
		}
		select {
		case <-ctx.Done():
			return journal.Entry{}, fmt.Errorf("the journal has no request %s", response.ServiceRequestID())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func getJSON(ctx context.Context, address string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(v)
}
