package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
)

var keyUses = []registry.KeyUse{registry.KeyUseAPI, registry.KeyUseCAS}

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "See and replace the keys that sign tokens",
		Long: `See and replace the keys that sign API tokens and CAS tokens, straight in the database. The
control plane replaces them by itself when they are controlplane.keyRotation old.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(keysListCommand(), keysRotateCommand())
	return cmd
}

func keysListCommand() *cobra.Command {
	var output string
	cmd := withRings(&cobra.Command{
		Use:   "list --config FILE",
		Short: "List the keys: when each signs, and what it is good for",
		Long: `List the keys: when each signs, and what it is good for.

  announced  it is published, and signs later
  signing    it signs now
  retired    it signs no more, and what it has signed is believed: by cas for an hour; of api
             as long as the token has a row in the database
  dead       nothing that it has signed is believed

A key that is retired since before it signs, or since it did, never signs or was revoked:
nothing of it is believed but, of api, what has a row.`,
		Example: `  managedcasd keys list --config managedcas.yaml
  managedcasd keys list --config managedcas.yaml -o json | jq -r '.[] | select(.state == "signing").key'`,
	}, func(cmd *cobra.Command, rings map[registry.KeyUse]*auth.KeyRing) error {
		if output != "table" && output != "json" {
			return usageError{fmt.Errorf("unknown output format %q: use table or json", output)}
		}
		keys, err := shownKeys(cmd.Context(), rings, keyUses)
		if err != nil {
			return err
		}
		if output == "json" {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(keys)
		}
		return printKeys(cmd.OutOrStdout(), keys)
	})
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// shownKey is what is shown of a key: nothing of the key itself.
type shownKey struct {
	Use       registry.KeyUse `json:"use"`
	Key       string          `json:"key"` // its id, as tokens name it
	State     auth.KeyState   `json:"state"`
	SignsFrom time.Time       `json:"signsFrom"`
	RetiredAt *time.Time      `json:"retiredAt,omitempty"`
}

func shownKeys(ctx context.Context, rings map[registry.KeyUse]*auth.KeyRing, uses []registry.KeyUse) ([]shownKey, error) {
	shown := []shownKey{}
	for _, use := range uses {
		keys, err := rings[use].List(ctx)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			s := shownKey{Use: use, Key: k.ID, State: k.State, SignsFrom: k.Begins()}
			if !k.RetiredAt.IsZero() {
				s.RetiredAt = &k.RetiredAt
			}
			shown = append(shown, s)
		}
	}
	return shown, nil
}

func printKeys(w io.Writer, keys []shownKey) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USE\tKEY\tSTATE\tSIGNS FROM\tRETIRED")
	for _, k := range keys {
		retired := "-"
		if k.RetiredAt != nil {
			retired = k.RetiredAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.Use, k.Key, k.State, k.SignsFrom.Format(time.RFC3339), retired)
	}
	return table.Flush()
}

func keysRotateCommand() *cobra.Command {
	var now, revoke bool
	var use string
	cmd := withRings(&cobra.Command{
		Use:   "rotate --config FILE",
		Short: "Replace the keys",
		Long: `Replace the keys that sign tokens. The new ones are published at once, and sign in 20
minutes, when every verifier has heard of them; tokens that the old ones signed stay valid.

With --now they sign within 5 seconds: for when an old one may be known to somebody. A cas
that has just looked for keys may refuse the first new tokens, for 5 seconds. A key that was
announced never signs. What an old key signs is still believed for an hour.

With --revoke it is not: by the control plane after 5 seconds, by a cas that runs within 6
minutes, and by one that starts at once. Transfers, and pipelines that signed in, ask for new
tokens; a job that keeps one in CHAINLOOP_TOKEN has to sign in again. API tokens and logins
stay good, whatever signed them: they have rows in the database.
The keys that there are then are printed, as by keys list.`,
		Example: `  managedcasd keys rotate --config managedcas.yaml
  managedcasd keys rotate --config managedcas.yaml --now --revoke`,
	}, func(cmd *cobra.Command, rings map[registry.KeyUse]*auth.KeyRing) error {
		uses := keyUses
		if use != "" {
			if uses = []registry.KeyUse{registry.KeyUse(use)}; rings[uses[0]] == nil {
				return usageError{fmt.Errorf("--use %q is no kind of token: use api or cas, or leave it out for both", use)}
			}
		}
		if revoke && !now {
			return usageError{errors.New("--revoke needs keys that sign instead: give --now with it")}
		}
		for _, u := range uses {
			rotate := rings[u].Announce
			if now {
				rotate = rings[u].Rotate
			}
			if err := rotate(cmd.Context()); err != nil {
				return err
			}
			if revoke {
				if _, err := rings[u].Revoke(cmd.Context()); err != nil {
					return err
				}
			}
		}
		keys, err := shownKeys(cmd.Context(), rings, uses)
		if err != nil {
			return err
		}
		return printKeys(cmd.OutOrStdout(), keys)
	})
	cmd.Flags().StringVar(&use, "use", "", "only the keys of one kind of token: api or cas")
	cmd.Flags().BoolVar(&now, "now", false, "sign with the new keys at once")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "believe nothing that older keys have signed, but what has rows")
	return cmd
}

// withRings makes cmd a command with a configuration that opens the key rings of its
// database.
func withRings(cmd *cobra.Command, run func(*cobra.Command, map[registry.KeyUse]*auth.KeyRing) error) *cobra.Command {
	var config string
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Args = noArguments
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if err := needFlag(cmd, "config", config); err != nil {
			return err
		}
		cfg, err := service.ReadConfig(config)
		if err != nil {
			return err
		}
		db, err := openDatabase(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		rings, err := openRings(cmd.Context(), db)
		if err != nil {
			return err
		}
		return run(cmd, rings)
	}
	return cmd
}

func openRings(ctx context.Context, store auth.KeyStore) (map[registry.KeyUse]*auth.KeyRing, error) {
	rings := map[registry.KeyUse]*auth.KeyRing{}
	for _, use := range keyUses {
		var err error
		if rings[use], err = auth.OpenKeyRing(ctx, store, use); err != nil {
			return nil, err
		}
	}
	return rings, nil
}
