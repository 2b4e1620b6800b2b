package idtoken_test

import (
	"testing"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/managedcas/managedcas/internal/idtoken"
)

func TestClaimsHaveTheirNamesOnce(t *testing.T) {
	t.Parallel()
	claims, err := idtoken.Claims([]byte(`{"sub":"a","Other":"b","other":"c","n":9007199254740993}`))
	if err != nil || claims["sub"] != "a" || claims["Other"] != "b" || claims["n"] != json.Number("9007199254740993") {
		t.Errorf("%v, %v", claims, err)
	}
	for _, payload := range []string{
		`{"sub":"a","sub":"b"}`, `{"x":1,"x":2}`, `{"x":{"y":1,"y":2}}`, `{"sub":"a","SUB":"b"}`, `{"SUB":"b","sub":"a"}`,
		`{"sub":"a","\u017fub":"b"}`, `{"Email_Verified":true}`, `{"iss":"a","is\u017f":"b"}`, `{"s\u0075b":"a","sub":"b"}`,
		`{`, ``, `[]`, `"sub"`,
	} {
		if claims, err := idtoken.Claims([]byte(payload)); err == nil {
			t.Errorf("%s: %v", payload, claims)
		}
	}
}
