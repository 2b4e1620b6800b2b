package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/service"
)

// migrateOptions are the flags of managedcasd migrate.
type migrateOptions struct {
	config, urlFile, output string
	plan                    bool
}

func migrateCommand() *cobra.Command {
	var o migrateOptions
	cmd := &cobra.Command{
		Use:   "migrate --config FILE | --database-url-file FILE [--plan]",
		Short: "Bring the schema of the database up to date",
		Long: `Bring the schema of the database to the version of this program, and end. Every role does so
when it starts; by this command it is done before, once, and an upgrade whose migration
fails has not begun. Roles of the version before may run meanwhile, and go on. It takes the
lock that roles take, and may be run again, and many times at once.

--plan says what there would be to do, and changes nothing.

Exit codes: 0 the schema is up to date, 1 failed, 2 wrong usage, 3 from --plan: there is
something to do.`,
		Example: `  managedcasd migrate --config managedcas.yaml --plan
  managedcasd migrate --database-url-file /etc/managedcas/database/url -o json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.config, "config", "", "configuration file, YAML")
	cmd.Flags().StringVar(&o.urlFile, "database-url-file", "", "what database.urlFile is in a configuration, where there is none")
	cmd.Flags().BoolVar(&o.plan, "plan", false, "say what there is to do, and do nothing")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

// target is what database.Open takes.
func (o migrateOptions) target() (string, error) {
	if o.output != "table" && o.output != "json" {
		return "", usageError{fmt.Errorf("unknown output format %q: use table or json", o.output)}
	}
	if (o.config == "") == (o.urlFile == "") {
		return "", usageError{errors.New("give --config or --database-url-file, one of them; see managedcasd migrate --help")}
	}
	if o.config == "" {
		return service.Database{URLFile: o.urlFile}.Target()
	}
	cfg, err := service.ReadConfig(o.config)
	if err != nil {
		return "", err
	}
	return cfg.Database.Target()
}

// migrated is what a migration did, or would do.
type migrated struct {
	From int64 `json:"from"` // 0: the database had no schema
	To   int64 `json:"to"`
	Done bool  `json:"done"` // the schema has the version To
}

func (o migrateOptions) run(ctx context.Context, stdout io.Writer) error {
	target, err := o.target()
	if err != nil {
		return err
	}
	there, wanted, err := database.Look(ctx, target)
	if err != nil {
		return fmt.Errorf("%w: see that the URL is right and that the database answers", err)
	}
	m := migrated{From: there, To: wanted, Done: there == wanted}
	if !o.plan || there > wanted {
		err := database.Migrate(ctx, target) // which refuses what a newer version made
		if _, told := errors.AsType[database.SchemaError](err); told {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: what has been migrated stays; see what is wrong with the database, and run it again", err)
		}
		m.Done = true
	}
	if err := m.print(stdout, o.output); err != nil || m.Done {
		return err
	}
	return left{errors.New("the schema is to be migrated: run it again without --plan, or start a role")}
}

func (m migrated) print(w io.Writer, output string) error {
	if output == "json" {
		return json.NewEncoder(w).Encode(m)
	}
	text := fmt.Sprintf("nothing to do: the schema has version %d", m.To)
	switch {
	case m.From != m.To && m.Done:
		text = fmt.Sprintf("the schema has version %d now; it had %d", m.To, m.From)
	case m.From != m.To:
		text = fmt.Sprintf("the schema has version %d, and this program's is %d", m.From, m.To)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
