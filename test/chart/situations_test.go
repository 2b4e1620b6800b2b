package chart

// situations has two for each alert: one in which somebody should look, and one that is like it
// and all right.
var situations = []situation{
	{"ManagedcasIsolationBroken", 10,
		`managedcas_probes_total{reason="IsolationBroken", namespace="n"} 0 0 1x8`,
		`managedcas_probes_total{reason="IsolationBroken", namespace="n"} 3x10
		 managedcas_probes_total{reason="Probed", namespace="n"} 0+5x10`},
	{"ManagedcasCasGone", 20,
		`managedcas_uploads_open{pod="a"} 0x5 stale`,
		`managedcas_uploads_open{pod="a"} 0x5 stale
		 managedcas_uploads_open{pod="b"} 0x20`},
	{"ManagedcasArtifactCorrupt", 90,
		`managedcas_transfers_total{outcome="corrupt", kind="download"} _x10 1x80`,
		`managedcas_transfers_total{outcome="not_found", kind="download"} _x10 1x80`},
	{"ManagedcasAuditRefuses", 10,
		`managedcas_audit_refused_total{pod="a"} 0 0 0 7x7`,
		`managedcas_audit_refused_total{pod="a"} 7x10`},
	{"ManagedcasTransfersFail", 40,
		`managedcas_transfers_total{outcome="ok", namespace="n"} 0+90x40
		 managedcas_transfers_total{outcome="unavailable", namespace="n"} 0+10x40`,
		`managedcas_transfers_total{outcome="ok", namespace="n"} 0+90x40
		 managedcas_transfers_total{outcome="denied", namespace="n"} 0+60x40
		 managedcas_transfers_total{outcome="unavailable", namespace="n"} 0+1x40`},
	{"ManagedcasTransfersRefused", 40,
		`managedcas_transfers_refused_total{reason="SERVER_BUSY"} 0+60x40`,
		`managedcas_transfers_refused_total{reason="ORGANIZATION_BUSY"} 0+60x40
		 managedcas_transfers_refused_total{reason="SERVER_BUSY"} 0+1x40`},
	{"ManagedcasSessionsFail", 40,
		`managedcas_sessions_failed_total{pod="a"} 0+6x40
		 managedcas_sessions_minted_total{pod="a"} 0+1x40`,
		`managedcas_sessions_failed_total{pod="a"} 0+6x40
		 managedcas_sessions_minted_total{pod="a"} 0+30x40`},
	{"ManagedcasCallsFail", 40,
		`managedcas_call_seconds_count{code="OK", method="a"} 0+90x40
		 managedcas_call_seconds_count{code="Unavailable", method="a"} 0+10x40`,
		`managedcas_call_seconds_count{code="OK", method="a"} 0+90x40
		 managedcas_call_seconds_count{code="NotFound", method="a"} 0+60x40`},
	{"ManagedcasOrganizationsDegraded", 30,
		`managedcas_organizations{state="degraded"} 1x30`,
		`managedcas_organizations{state="degraded"} 0 0 2x5 0x23
		 managedcas_conditions_false{type="Reachable"} 0x30
		 managedcas_conditions_false{type="Provisioned"} 4x30`},
	{"ManagedcasReconcilerStuck", 60,
		`managedcas_cycle_success_timestamp_seconds{pod="a"} 0x60`,
		`managedcas_queue_age_seconds{pod="a"} 200x60
		 managedcas_cycle_success_timestamp_seconds{pod="a"} 0x60
		 managedcas_cycle_success_timestamp_seconds{pod="b"} 0+60x60`},
	{"ManagedcasReconcilerGone", 30,
		`managedcas_queue_depth 0x30`,
		`managedcas_cycle_success_timestamp_seconds{pod="a"} 0+60x30`},
	{"ManagedcasCatalogueWaits", 30,
		`managedcas_catalogue_queue{pod="a"} 0+200x30`,
		`managedcas_catalogue_queue{pod="a"} 0 5000x5 0x24`},
	{"ManagedcasAuditSinkBehind", 120,
		`managedcas_audit_sink_lag{sink="siem"} 0+500x120`,
		`managedcas_audit_sink_lag{sink="siem"} 20000x30 0x90`},
	{"ManagedcasCertificateExpires", 90,
		`managedcas_tls_certificate_expiry_timestamp_seconds{pod="a"} 600000x90`,
		`managedcas_tls_certificate_expiry_timestamp_seconds{pod="a"} 700000x90`},
	{"ManagedcasCertificateRefused", 30,
		`managedcas_tls_certificate_refused{pod="a"} 1x30`,
		`managedcas_tls_certificate_refused{pod="a"} 0 1x5 0x24`},
	{"ManagedcasQuotaNearlyUsed", 60,
		`managedcas_quota_used{quota="policies"} 1300x60
		 managedcas_quota_limit{quota="policies"} 1500x60`,
		`managedcas_quota_used{quota="policies"} 1100x60
		 managedcas_quota_limit{quota="policies"} 1500x60`},
	{"ManagedcasSessionPolicyNearlyFull", 60,
		`managedcas_session_packed_percent{pod="a"} 95x60`,
		`managedcas_session_packed_percent{pod="a"} 89x60`},
	{"ManagedcasAWSThrottles", 90,
		`managedcas_aws_throttles_total{service="iam", operation="CreatePolicy"} 0+30x90`,
		`managedcas_aws_throttles_total{service="iam", operation="CreatePolicy"} 0+2x90`},
	{"ManagedcasCatalogueIncomplete", 10,
		`managedcas_catalogue_dropped_total{pod="a"} 0 0 4x8`,
		`managedcas_catalogue_dropped_total{pod="a"} 4x10`},
	{"ManagedcasAuditSpilled", 10,
		`managedcas_audit_spilled_total{pod="a"} 0 0 4x8`,
		`managedcas_audit_spilled_total{pod="a"} 4x10`},
	{"ManagedcasPurgeFails", 20,
		`managedcas_purge_failures_total{pod="a"} 0+1x20`,
		`managedcas_purge_failures_total{pod="a"} 0 0 2x18`},
	{"ManagedcasOrphans", 5,
		`managedcas_orphan_oldest_seconds{pod="a"} 90000x5`,
		`managedcas_orphan_oldest_seconds{pod="a"} 3600x5`},
	{"ManagedcasUploadsNotSwept", 30,
		`managedcas_uploads_sweep_failures_total{pod="a"} 0+1x30`,
		`managedcas_uploads_sweep_failures_total{pod="a"} 0 3x29`},
	{"ManagedcasDrift", 30,
		`managedcas_drift_repaired_total{kind="access_point_policy"} 0+1x30`,
		`managedcas_drift_repaired_total{kind="access_point_policy"} 0 4x29`},
}
