package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
)

func backendCommand(a *app) *cobra.Command {
	return group("cas-backend", "Look at where an organization's artifacts are stored", nil, backendList(a))
}

func backendList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the storage backends of the organization",
		Example: `  managedcas --org acme cas-backend list -o json`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				backends, err := c.Backends(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, b := range backends {
					limit := "no limits"
					if b.MaxBytes > 0 {
						limit = "up to " + size(b.MaxBytes)
					}
					rows = append(rows, []string{b.Name, b.Location, b.Provider, yes(b.Default), limit, b.Status})
				}
				return a.print(backends, []string{"NAME", "LOCATION", "PROVIDER", "DEFAULT", "LIMITS", "STATUS"}, rows)
			})
		},
	}
}
