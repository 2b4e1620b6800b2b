package diagnosis

import "fmt"

const createAccessPoint = "aws s3control create-access-point --account-id $ACCOUNT --bucket %s --name %s"

func accountRows() []row {
	point := func(bucket, name string) string { return fmt.Sprintf(createAccessPoint, bucket, name) }
	const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
	deny := `--policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'`
	return []row{
		{code: "access-point-admitted", as: "administrator", mistake: []string{point("$BUCKET", "chainloop-backup")}},
		{code: "access-point-admitted", as: "backend", mistake: []string{point("$BUCKET", "chainloop-eu-"+uuid[:8])}},
		{code: "access-point-foreign", as: "backend", mistake: []string{point("$BUCKET", "reports")}},
		{code: "access-point-elsewhere", as: "administrator", mistake: []string{"aws s3api create-bucket --bucket another-bucket", point("another-bucket", "chainloop-"+uuid)}},
		{code: "access-point-prefix-overlap", as: "administrator",
			mistake: []string{"aws s3api create-bucket --bucket another-bucket", point("another-bucket", "chainloop-e-"+uuid)},
			undone:  []string{"aws s3control delete-access-point --account-id $ACCOUNT --name chainloop-e-" + uuid}},
		{code: "session-policy-foreign", as: "backend", mistake: []string{"aws iam create-policy --policy-name cas-admin " + deny}},
		{code: "session-policy-prefix-overlap", as: "administrator",
			mistake: []string{"aws iam create-policy --policy-name cas-eu-" + uuid + " " + deny},
			undone:  []string{"aws iam delete-policy --policy-arn arn:aws:iam::$ACCOUNT:policy/cas-eu-" + uuid}},
		{code: "quota-access-points-near", as: "backend",
			mistake: []string{"aws s3api create-bucket --bucket another-bucket", "for i in 1 2 3 4; do " + point("another-bucket", "point-$i") + "; done"},
			undone:  []string{"for i in 1 2 3 4; do aws s3control delete-access-point --account-id $ACCOUNT --name point-$i; done"}},
		{code: "quota-access-points-full", as: "administrator",
			mistake: []string{"aws s3api create-bucket --bucket another-bucket", "for i in 1 2 3 4 5; do " + point("another-bucket", "point-$i") + "; done"},
			undone:  []string{"for i in 1 2 3 4 5; do aws s3control delete-access-point --account-id $ACCOUNT --name point-$i; done"}},
		{code: "quota-policies-near", as: "administrator",
			mistake: []string{"for i in 1 2 3 4; do aws iam create-policy --policy-name other-$i " + deny + "; done"},
			undone:  []string{"for i in 1 2 3 4; do aws iam delete-policy --policy-arn arn:aws:iam::$ACCOUNT:policy/other-$i; done"}},
		{code: "quota-policies-full", as: "backend",
			mistake: []string{"for i in 1 2 3 4 5; do aws iam create-policy --policy-name other-$i " + deny + "; done"},
			undone:  []string{"for i in 1 2 3 4 5; do aws iam delete-policy --policy-arn arn:aws:iam::$ACCOUNT:policy/other-$i; done"}},
	}
}
