package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
)

func tokenCommand() *cobra.Command {
	var config, name string
	var lifetime time.Duration
	var replace bool
	cmd := &cobra.Command{
		Use:   "token --config FILE --name NAME",
		Short: "Issue an instance token, straight from the database",
		Long: `Issue an API token that administers the whole installation, and print it once. It needs
the database only: this is how the first token of an installation is made.`,
		Example: `  managedcasd token --config managedcas.yaml --name operator >token
  managedcasd token --config managedcas.yaml --name ci --expires 720h --replace`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			if err := needFlag(cmd, "name", name); err != nil {
				return err
			}
			if _, err := org.ParseName(name); err != nil { // the rule for all tokens
				return usageError{fmt.Errorf("--name %q: use 1 to 63 lowercase letters, digits and inner hyphens, and no UUID", name)}
			}
			if lifetime < 0 {
				return usageError{fmt.Errorf("--expires %s: want a positive duration, or 0 for a token that does not expire", lifetime)}
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
			tokens, err := newTokens(cmd.Context(), db, cfg.Log.Logger(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			text, _, err := tokens.Issue(cmd.Context(), auth.NewToken{Name: name, Lifetime: lifetime, Replace: replace})
			if errors.Is(err, registry.ErrExists) {
				return fmt.Errorf("there is a token %q already: choose another --name, or revoke that one with --replace", name)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return nil
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringVar(&name, "name", "", "name of the token (required)")
	cmd.Flags().DurationVar(&lifetime, "expires", 0, "how long it is good for, e.g. 720h; 0: until it is revoked")
	cmd.Flags().BoolVar(&replace, "replace", false, "revoke a token of the same name first")
	return cmd
}

// devToken returns the administrator's token of a dev directory: the one in file as
// long as it is good, so that what was started with it survives a restart of dev.
func devToken(ctx context.Context, file string, tokens *auth.Tokens) (string, error) {
	kept, err := os.ReadFile(file)
	if err == nil {
		text := strings.TrimSpace(string(kept))
		if _, err := tokens.Verify(ctx, text, ""); err == nil {
			return text, nil
		}
	}
	text, _, err := tokens.Issue(ctx, auth.NewToken{Name: "dev", Replace: true})
	if err != nil {
		return "", fmt.Errorf("issuing the administrator's token: %w", err)
	}
	if err := writeFile(file, []byte(text+"\n")); err != nil {
		return "", fmt.Errorf("keeping the administrator's token: %w", err)
	}
	return text, nil
}
