package signin

import "testing"

func TestOnlyLocalPathsAreReturnedTo(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"": "/", "/": "/", "/organizations": "/organizations", "/organizations/acme?tab=storage&x=%2F": "/organizations/acme?tab=storage&x=%2F",
		"/a%20b": "/", "/organizations/": "/organizations/", "/a#b": "/a",
		"//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", `/\/evil.example`: "/",
		"/%2Fevil.example": "/", "/%2f%2fevil.example": "/", "/%5Cevil.example": "/", "/%5c/evil.example": "/",
		"/\t/evil.example": "/", "/%09/evil.example": "/", "/\n/evil.example": "/", "/.//evil.example": "/", "/..//evil.example": "/", "/x/..//evil.example": "/",
		"/%2e%2e//evil.example": "/", "https://evil.example": "/", "http:evil.example": "/", "javascript:alert(1)": "/", "evil.example": "/",
		"/@evil.example": "/@evil.example", "?x": "/", "#x": "/", " /x": "/", "//user@evil.example/": "/", "/%00": "/", "/%zz": "/",
	} {
		if got := local(target); got != want {
			t.Errorf("local(%q) = %q, want %q", target, got, want)
		}
	}
}

func TestUserCodesAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	code := userCode()
	for _, text := range []string{code, shown(code), " " + code[:4] + " " + code[4:] + "\n"} {
		if got := typed(text); got != code {
			t.Errorf("typed(%q) = %q, want %q", text, got, code)
		}
	}
	if len(code) != codeLength || userCode() == code {
		t.Errorf("codes %q", code)
	}
}
