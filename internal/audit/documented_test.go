package audit_test

// documented are the hashes that the program in docs/audit.md computes: of the beginning
// of the installation's chain, and of the first record of TestTheHashIsTheDocumentedOne.
const documented = "3b978a161044ab347ae5cc640f1eaa63e5e2476adbdb60f55052e3928d99330a 3260b106672fda5402cefd1023c21e98644646ab45861c7efacd9be32beeb689"
