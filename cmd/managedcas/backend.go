package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
)

func backendCommand(a *app) *cobra.Command {
	return group("cas-backend", "Look at and choose where an organization's artifacts are stored", nil,
		backendList(a), backendExternalID(a), backendCreate(a), backendUpdate(a), backendRevalidate(a), backendDelete(a))
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
					rows = append(rows, backendRow(b))
				}
				return a.print(backends, backendHeader, rows)
			})
		},
	}
}

var backendHeader = []string{"NAME", "LOCATION", "PROVIDER", "DEFAULT", "FALLBACK", "LIMITS", "STATUS"}

func backendRow(b client.Backend) []string {
	limit, status := "no limits", b.Status
	if b.MaxBytes > 0 {
		limit = "up to " + size(b.MaxBytes)
	}
	if b.ValidationError != "" {
		status += ": " + b.ValidationError
	}
	return []string{b.Name, b.Location, b.Provider, yes(b.Default), yes(b.Fallback), limit, status}
}
