package diagnosis

import "slices"

// rows are all mistakes, in the order of the operator's guide.
func rows() []row {
	return slices.Concat(guideRows(), bucketRows(), keyRows(), roleRows(), changedBaseRoleRows(), changedWorkloadRows(), accountRows(), callerRows(), configurationRows(), storeRows())
}

// guideRows are the two that the guide itself warns of, from everybody who can tell.
func guideRows() []row {
	noTagSession := []string{`edit_trust $BASE s/sts:TagSession/sts:SetSourceIdentity/`}
	otherPrefix := []string{`edit_bucket_policy s,accesspoint/chainloop-,accesspoint/chainlop-,g`}
	all := []row{
		{code: "bucket-policy-prefix", as: "administrator", mistake: otherPrefix},
		{code: "bucket-policy-prefix", as: "backend", mistake: otherPrefix},
	}
	for _, who := range []string{"administrator", "backend", "controlplane", "cas"} {
		all = append(all, row{code: "trust-tag-session", as: who, mistake: noTagSession})
	}
	for i := range all {
		all[i].always = true
	}
	return all
}
