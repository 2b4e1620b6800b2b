package service_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/service"
)

// What is wrong in the file is said in the file's words, with what would be right.
func TestMistakesInTheFile(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"bakend: {}": `line 1: unknown key "bakend"; there are audit, backend, cas, controlplane, database, log, secretStore`,
		"backend: {managedCas: {garbageCollection: {grce: 1h}}}":   `line 1: unknown key "grce"; there are enabled, grace, maxPerCycle`,
		"backend: {managedCas: {apiRates: {iam: {perMinute: 1}}}}": `line 1: unknown key "perMinute"; there are burst, perSecond`,
		"backend: {managedCas: {reconcileInterval: 5}}":            `line 1: "5": want a time with its unit, such as 90s, 5m or 48h`,
		"backend:\n  managedCas: {retention: soon}":                `line 2: "soon": want a time with its unit, such as 90s, 5m or 48h`,
		"backend: {managedCas: {quotas: {accessPoints: many}}}":    `line 1: "many": want a whole number`,
		"backend: {managedCas: {enabled: maybe}}":                  `line 1: "maybe": want true or false`,
		"backend: {managedCas: on}":                                `line 1: "on": want keys below it, or {key: value}`,
		"backend: {managedCas: {operatorArns: arn}}":               `line 1: "arn": want a list`,
	} {
		_, err := service.ParseConfig([]byte(text))
		if err == nil || err.Error() != says {
			t.Errorf("%s\n got %v\nwant %s", text, err, says)
		}
		if err != nil && (strings.Contains(err.Error(), "!!") || strings.Contains(err.Error(), "service.")) {
			t.Errorf("%s: Go's words: %v", text, err)
		}
	}
}
