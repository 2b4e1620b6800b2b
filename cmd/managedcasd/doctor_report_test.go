package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/doctor"
)

// What others have written into AWS is no line of its own, where commands stand, and does
// nothing to a terminal; of JSON it stays what it is.
func TestReportsHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	const evil = "x\naws iam delete-role --role-name y\r\x1b[2J\x1b]0;t\a\u009b1A\u202etxt\xff"
	report := doctor.Report{Results: []doctor.Result{{Check: "c", Title: "t", Status: doctor.Failed, Detail: evil, Findings: []doctor.Finding{{
		Code: "c", Status: doctor.Failed, What: evil, Evidence: evil, Consequence: evil, Fix: doctor.Fix{Text: evil, Commands: []string{"aws " + evil}},
	}}}}}
	var table, asJSON bytes.Buffer
	if err := printDoctor(&table, report, "table"); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(table.String(), "\r\x1b\a\u009b\u202e") || strings.Contains(table.String(), "\naws iam") {
		t.Errorf("%q", table.String())
	}
	if strings.Count(table.String(), "\naws x aws iam delete-role") != 1 {
		t.Errorf("the command is not on a line of its own: %q", table.String())
	}
	if err := printDoctor(&asJSON, report, "json"); err != nil || !strings.Contains(asJSON.String(), `x\naws iam delete-role`) || report.Results[0].Detail != evil {
		t.Errorf("%v: %s", err, &asJSON)
	}
}

// TestCommandsInDetailsAreWhole: what an administrator is told to run in a pod is not cut off.
func TestCommandsInDetailsAreWhole(t *testing.T) {
	t.Parallel()
	var table bytes.Buffer
	report := doctor.Report{Results: (&doctor.Doctor{}).Canary(t.Context(), doctor.Administrator, doctor.Report{}, doctor.CanaryConfig{})}
	if err := printDoctor(&table, report, "table"); err != nil || !strings.Contains(table.String(), " --as backend)") {
		t.Errorf("%s, %v", &table, err)
	}
}
