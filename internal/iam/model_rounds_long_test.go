//go:build long

package iam_test

// modelRounds is how many random worlds TestModel decides in the long run.
const modelRounds = 3_000_000
