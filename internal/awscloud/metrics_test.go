package awscloud_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// metric adds up a metric's values of one operation.
func metric(t *testing.T, collectors []prometheus.Collector, name, operation string) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "operation" && label.GetValue() == operation {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}
