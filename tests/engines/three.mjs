// Reads files with three.js and writes what it makes of them: node three.mjs OUT FRAMES RATE FILE...
// Answer: {FILE: {animations: [{name, duration}], nodes: [NAME...], rest: [[x,y,z]...], frames: [[[x,y,z]...]...], faces}}

import fs from "node:fs";

globalThis.self = globalThis;
globalThis.window = globalThis;
globalThis.document = { createElementNS: () => ({ addEventListener() {}, removeEventListener() {} }) };

const THREE = await import("three");
const { FBXLoader } = await import("three/addons/loaders/FBXLoader.js");
const { GLTFLoader } = await import("three/addons/loaders/GLTFLoader.js");
const { BVHLoader } = await import("three/addons/loaders/BVHLoader.js");

async function open(path) {
    const bytes = fs.readFileSync(path);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    if (path.endsWith(".fbx")) {
        const root = new FBXLoader().parse(buffer, "");
        return { root, animations: root.animations };
    }
    if (path.endsWith(".glb")) {
        const { scene, animations } = await new GLTFLoader().parseAsync(buffer, "");
        return { root: scene, animations };
    }
    const { skeleton, clip } = new BVHLoader().parse(bytes.toString());
    return { root: skeleton.bones[0], animations: [clip] };
}

function nodesOf(root) {
    const nodes = [];
    root.traverse((node) => {
        if (node.name && !node.isMesh) nodes.push(node);
    });
    return nodes;
}

function positions(root, nodes) {
    root.updateMatrixWorld(true);
    return nodes.map((node) => node.getWorldPosition(new THREE.Vector3()).toArray());
}

const [out, frames, rate, ...files] = process.argv.slice(2);
const answer = {};
for (const file of files) {
    const { root, animations } = await open(file);
    const nodes = nodesOf(root);
    const rest = positions(root, nodes);
    let faces = 0;
    root.traverse((node) => {
        if (node.isMesh) faces += (node.geometry.index ?? node.geometry.attributes.position).count / 3;
    });
    const mixer = new THREE.AnimationMixer(root);
    // a player that clamps: setTime at the very end would otherwise start the next round
    for (const clip of animations) {
        const action = mixer.clipAction(clip);
        action.setLoop(THREE.LoopOnce, 1);
        action.clampWhenFinished = true;
        action.play();
    }
    const shown = [];
    for (let frame = 0; frame < Number(frames); frame++) {
        mixer.setTime(Math.min(frame / Number(rate), animations[0].duration - 1e-6));
        shown.push(positions(root, nodes));
    }
    answer[file] = {
        animations: animations.map(({ name, duration }) => ({ name, duration })),
        nodes: nodes.map((node) => node.name),
        rest,
        frames: shown,
        faces,
    };
}
fs.writeFileSync(out, JSON.stringify(answer));
