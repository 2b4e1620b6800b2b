//go:build !long

package iam_test

// modelRounds is how many random worlds TestModel decides.
const modelRounds = 20_000
