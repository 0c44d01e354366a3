# Completion of vitrine for bash: the program itself knows what fits.
_vitrine() {
	local line="${COMP_LINE:0:COMP_POINT}" word words
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	word="${words[-1]}"
	mapfile -t COMPREPLY < <(vitrine complete -- "${words[@]:1}" 2>/dev/null)
	# bash breaks words at ':' and '='; it wants only what follows the last of them.
	if [[ $word == *[:=]* ]]; then
		local head="${word%"${word##*[:=]}"}"
		COMPREPLY=("${COMPREPLY[@]#"$head"}")
	fi
	case "${COMPREPLY[*]}" in
	*[/=:@]) compopt -o nospace ;;
	"") compopt -o default ;;
	esac
}
complete -F _vitrine vitrine
