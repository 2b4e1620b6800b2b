package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func purgeCommand() *cobra.Command {
	var config, begin, done string
	cmd := &cobra.Command{
		Use:   "purge --config FILE [--begin ID | --done ID]",
		Short: "Purge by hand the objects of organizations whose retention is over",
		Long: `List the deleted organizations whose retention is over, where the backend does not purge
them (backend.managedCas.purge.enabled). Nobody can delete their objects but the bucket's
lifecycle: --begin records that an organization cannot be brought back any more, and prints
the rule to add and how. --done is for when no object is left: it removes what the database
knows of them. It calls no AWS API.`,
		Example: `  managedcasd purge --config managedcas.yaml
  managedcasd purge --config managedcas.yaml --begin 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			in, err := cfg.Backend.ManagedCas.Installation()
			if err != nil {
				return err
			}
			if in.Purges() {
				return errors.New("backend.managedCas.purge.enabled is true: the backend purges by itself; see its log")
			}
			db, err := openDatabase(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			switch {
			case begin != "" && done != "":
				return usageError{errors.New("--begin and --done: one at a time")}
			case begin != "":
				return purgeBegin(cmd.Context(), cmd.OutOrStdout(), db, in, begin)
			case done != "":
				return purgeDone(cmd.Context(), db, done)
			}
			return purgeList(cmd.Context(), cmd.OutOrStdout(), db)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringVar(&begin, "begin", "", "id of an organization: it cannot be brought back any more")
	cmd.Flags().StringVar(&done, "done", "", "id of an organization of which no object is left")
	return cmd
}

// purgeListed bounds the list.
const purgeListed = 1000

func purgeList(ctx context.Context, w io.Writer, db *database.DB) error {
	due, err := db.DuePurges(ctx, time.Now(), purgeListed)
	if err != nil {
		return err
	}
	for _, id := range due {
		d, err := db.Deletion(ctx, id)
		if err != nil {
			return err
		}
		state := "due since " + d.PurgeAt.Format(time.RFC3339)
		if !d.BegunAt.IsZero() {
			state = "begun at " + d.BegunAt.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\n", id, state)
	}
	if len(due) == 0 {
		fmt.Fprintln(w, "nothing to do")
	}
	return nil
}

func purgeBegin(ctx context.Context, w io.Writer, db *database.DB, in tenancy.Installation, text string) error {
	id, err := org.ParseID(text)
	if err != nil {
		return usageError{err}
	}
	err = db.BeginPurge(ctx, id, time.Now(), 0)
	if errors.Is(err, registry.ErrConflict) || errors.Is(err, registry.ErrNotFound) {
		return fmt.Errorf("organization %s is not to be purged: managedcasd purge lists those that are: %w", id, err)
	}
	if err != nil {
		return err
	}
	// Markers that hide nothing any more go by themselves where versions expire.
	days := 1
	rule, err := json.Marshal(map[string]any{
		"ID": "purge-" + id.String(), "Status": "Enabled", "Filter": map[string]any{"Prefix": in.Tenant(id).KeyPrefix()},
		"Expiration":                     map[string]any{"Days": days},
		"NoncurrentVersionExpiration":    map[string]any{"NoncurrentDays": days},
		"AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": days},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `# The bucket has one list of rules: add this one to it, as an administrator.
aws s3api get-bucket-lifecycle-configuration --bucket %s |
  jq '.Rules += [%s]' >rules.json
aws s3api put-bucket-lifecycle-configuration --bucket %s --lifecycle-configuration file://rules.json
# S3 needs a day or two. When nothing is left, take the rule out again, and:
managedcasd purge --config FILE --done %s
`, in.BucketName, rule, in.BucketName, id)
	return nil
}

func purgeDone(ctx context.Context, db *database.DB, text string) error {
	id, err := org.ParseID(text)
	if err != nil {
		return usageError{err}
	}
	// In this order: what has not begun must not lose its catalogue.
	if err := db.ContinuePurge(ctx, id, registry.Removed{}, time.Now(), 0); err != nil {
		return fmt.Errorf("begin with --begin %s: %w", id, err)
	}
	const together = 1000
	for n := together; n > 0; {
		if n, err = db.ForgetArtifacts(ctx, id, together); err != nil {
			return err
		}
	}
	return db.FinishPurge(ctx, id, time.Now())
}
