//go:build long

package doctor

const mutations = 3000
