package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

func auditCommand(a *app) *cobra.Command {
	return group("audit", "See what was done, by whom, and what was refused", nil,
		auditList(a), auditExport(a), auditVerify(a), auditHead(a))
}

// followPause is the time between two looks for new records.
const followPause = time.Second

type auditFlags struct {
	limit        int
	oldest       bool
	follow       bool
	outcome      string
	since, until string
	query        client.AuditQuery
}

func auditList(a *app) *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:     "list [--limit N] [--follow]",
		Aliases: []string{"ls"},
		Short:   "List audit records, the newest first",
		Long: `List the audit records of the organization that --org names, the newest first. An instance
token that names none sees the installation's own: the life of all organizations, instance
tokens, and what strangers were refused. --follow shows what comes from now on, in its order,
until it is interrupted. -o jsonl writes one line of JSON for each, with its hash.`,
		Example: `  managedcas --org acme audit list --action artifact. --outcome denied --since 24h
  managedcas --org acme audit list --follow -o jsonl`,
		Args:        none,
		Annotations: map[string]string{hasLines: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(time.Now()); err != nil {
				return err
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				if f.follow {
					return a.follow(ctx, c, f)
				}
				return a.listRecords(ctx, c, f)
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.limit, "limit", defaultListed, "how many to list, 1 to 10,000")
	flags.BoolVar(&f.oldest, "oldest-first", false, "in the order in which they were recorded")
	flags.BoolVar(&f.follow, "follow", false, "show what comes from now on, until interrupted")
	flags.StringVar(&f.query.ActionPrefix, "action", "", `what the action begins with: "artifact.", "token.create"`)
	flags.StringVar(&f.query.Subject, "subject", "", "who did it: name or name/id")
	flags.StringVar(&f.outcome, "outcome", "", "ok, denied or failed")
	flags.StringVar(&f.since, "since", "", "from this time on: RFC 3339, or how long ago, as 24h")
	flags.StringVar(&f.until, "until", "", "before this time, as --since")
	return cmd
}

func (f *auditFlags) check(now time.Time) (err error) {
	if f.limit < 1 || f.limit > maxListed {
		return problem.New(problem.Invalid, fmt.Sprintf("--limit %d is out of range", f.limit), fmt.Sprintf("use 1 to %d, or audit export", maxListed))
	}
	if f.follow && (f.oldest || f.until != "") {
		return problem.New(problem.Invalid, "--follow shows what comes from now on", "leave --oldest-first and --until out")
	}
	f.query.Outcome, f.query.Newest, f.query.Limit = audit.Outcome(f.outcome), !f.oldest && !f.follow, f.limit
	if f.query.Since, err = ago(f.since, now); err == nil {
		f.query.Until, err = ago(f.until, now)
	}
	return err
}

// ago reads a time, or how long before now it was.
func ago(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return time.Time{}, problem.New(problem.Invalid, strconv.Quote(text)+" is no time", "use 2026-01-31T12:00:00Z, or how long ago: 24h")
	}
	return now.Add(-d), nil
}

var auditHeader = []string{"SEQ", "TIME", "ACTION", "OUTCOME", "REASON", "SUBJECT", "FROM", "OBJECT"}

func auditCells(r audit.Record) []string {
	subject := r.Subject
	if subject == "" {
		subject = string(r.Kind)
	}
	object := r.Object
	if n := r.Details[audit.DetailCount]; n != "" {
		object += " (" + n + " times)"
	}
	return []string{strconv.FormatInt(r.Seq, 10), timestamp(r.Time), r.Action, string(r.Outcome), r.Reason, subject, r.RemoteIP, object}
}

func (a *app) listRecords(ctx context.Context, c *client.Client, f auditFlags) error {
	records, rows := []audit.Record{}, [][]string{}
	_, err := c.Audit(ctx, f.query, func(r audit.Record) error {
		if a.output == "jsonl" {
			return a.printLine(r)
		}
		records, rows = append(records, r), append(rows, auditCells(r))
		return nil
	})
	if err != nil || a.output == "jsonl" {
		return err
	}
	return a.print(records, auditHeader, rows)
}

// follow shows what comes behind the chain's present end.
func (a *app) follow(ctx context.Context, c *client.Client, f auditFlags) error {
	_, head, err := c.AuditHead(ctx)
	if err != nil {
		return err
	}
	f.query.Limit, f.query.After = 0, head.Seq
	look := time.NewTicker(followPause)
	defer look.Stop()
	for {
		// Filters hide records: where the chain ends now is where to go on.
		_, head, err := c.AuditHead(ctx)
		if err == nil {
			_, err = c.Audit(ctx, f.query, func(r audit.Record) error {
				if err := a.printFollowed(r); err != nil {
					return err
				}
				f.query.After = r.Seq // whatever comes then: nothing is shown twice
				return nil
			})
		}
		switch {
		case ctx.Err() != nil:
			return nil // interrupted, as it is meant to be
		case err == nil:
			f.query.After = max(f.query.After, head.Seq)
		case !problem.KindOf(err).Retryable():
			return err
		default:
			a.tell("audit: " + problem.From(err).Public())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

func (a *app) printFollowed(r audit.Record) error {
	if a.output != "table" {
		return a.printLine(r)
	}
	cells := auditCells(r)
	for i := range cells {
		cells[i] = printable(cells[i])
		if cells[i] == "" {
			cells[i] = "-"
		}
	}
	_, err := fmt.Fprintln(a.stdout, cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7])
	return err
}

func (a *app) printLine(r audit.Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(line, '\n'))
	return err
}
