// Reads files with Babylon.js and writes what it makes of them, as three.mjs: node babylon.mjs OUT FRAMES RATE FILE...

import fs from "node:fs";

globalThis.XMLHttpRequest = undefined;
console.log = console.warn = console.error; // its greeting and warnings are no part of the answer
const B = await import("@babylonjs/core/index.js");
await import("@babylonjs/loaders/index.js");

async function open(file) {
    const scene = new B.Scene(new B.NullEngine());
    scene.useRightHandedSystem = true;
    const data = `data:;base64,${fs.readFileSync(file).toString("base64")}`;
    const container = await B.LoadAssetContainerAsync(data, scene, { pluginExtension: `.${file.split(".").pop()}` });
    container.addAllToScene();
    return container;
}

function worldPosition(node) {
    const above = [];
    for (let each = node; each; each = each.parent) above.unshift(each);
    for (const each of above) each.computeWorldMatrix(true);
    return node.getAbsolutePosition().asArray();
}

const [out, frames, rate, ...files] = process.argv.slice(2);
const answer = {};
for (const file of files) {
    const container = await open(file);
    const nodes = [...container.transformNodes];
    const positions = () => nodes.map(worldPosition);
    const rest = positions();
    const [group] = container.animationGroups;
    const perSecond = group.targetedAnimations[0].animation.framePerSecond;
    group.start(false);
    group.pause();
    const shown = [];
    for (let frame = 0; frame < Number(frames); frame++) {
        group.goToFrame(Math.min(group.from + (frame / Number(rate)) * perSecond, group.to));
        shown.push(positions());
    }
    answer[file] = {
        animations: container.animationGroups.map(({ name, from, to }) => ({ name, duration: (to - from) / perSecond })),
        nodes: nodes.map((node) => node.name),
        rest,
        frames: shown,
        faces: container.meshes.reduce((sum, mesh) => sum + (mesh.getTotalIndices?.() ?? 0) / 3, 0),
    };
}
fs.writeFileSync(out, JSON.stringify(answer));
process.exit(0);
