# Plays every scene of the project and writes where each bone is, at rest and in every frame: godot --headless -s godot.gd
# Reads res://wanted.json: {FILE: {frames, rate}}; writes res://found.json: {FILE: {SKELETON: {bones, rest, frames}}}.
extends SceneTree


func _initialize():
	check.call_deferred()


func find(node: Node, kind: String, found: Array) -> Array:
	if node.is_class(kind):
		found.append(node)
	for child in node.get_children():
		find(child, kind, found)
	return found


func positions(skeleton: Skeleton3D, rest: bool) -> Array:
	var row = []
	for bone in skeleton.get_bone_count():
		var pose = skeleton.get_bone_global_rest(bone) if rest else skeleton.get_bone_global_pose(bone)
		var point = (skeleton.global_transform * pose).origin
		row.append([point.x, point.y, point.z])
	return row


func check():
	await process_frame
	var wanted = JSON.parse_string(FileAccess.get_file_as_string("res://wanted.json"))
	var found = {}
	for file in wanted:
		var packed = load("res://" + file)
		if packed == null:
			quit(1)
			return
		var scene = packed.instantiate()
		get_root().add_child(scene)
		found[file] = {}
		var player: AnimationPlayer = find(scene, "AnimationPlayer", [])[0]
		player.play(player.get_animation_list()[0])
		for skeleton in find(scene, "Skeleton3D", []):
			var bones = []
			for bone in skeleton.get_bone_count():
				bones.append(skeleton.get_bone_name(bone))
			found[file][str(scene.get_path_to(skeleton))] = {
				"bones": bones, "rest": positions(skeleton, true), "frames": [],
				"animations": player.get_animation_list(),
			}
		for frame in int(wanted[file]["frames"]):
			player.seek(frame / wanted[file]["rate"], true)
			for skeleton in find(scene, "Skeleton3D", []):
				found[file][str(scene.get_path_to(skeleton))]["frames"].append(positions(skeleton, false))
		scene.free()
	var out = FileAccess.open("res://found.json", FileAccess.WRITE)
	out.store_string(JSON.stringify(found))
	out.close()
	quit()
