import { NOW, providerContract } from '@tianjillm/testing'
import { expect } from 'vitest'
import { stability } from '../src/stability.ts'

const base = 'https://api.stability.ai/v2beta'
const headers = { authorization: 'Bearer test-key', accept: 'application/json' }
const png = (byte: number) => ({ name: `${byte}.png`, type: 'image/png', bytes: new Uint8Array([byte, 255, 13, 10]) })
const image = [png(1)]
const prompt = 'a red kite'
const reply = { body: { image: 'aW1n', finish_reason: 'SUCCESS', seed: 123 } }
const created = Math.floor(NOW / 1000)
const answer = { created, data: [{ b64_json: 'aW1n' }] }

const generators = {
  'stable-image-core': { path: 'core' },
  'stable-image-ultra': { path: 'ultra' },
  sd3: { path: 'sd3' },
  'sd3-large-turbo': { path: 'sd3', model: 'sd3-large-turbo' },
  'sd3.5-medium': { path: 'sd3', model: 'sd3.5-medium' },
  'something-new': { path: 'sd3', model: 'something-new' },
}

const sizes = {
  '1024x1024': '1:1',
  '512x512': '1:1',
  '256x256': '1:1',
  '1792x1024': '16:9',
  '1024x1792': '9:16',
  '1536x1024': '3:2',
  '1024x1536': '2:3',
  '1280x1024': '5:4',
  '1024x1280': '4:5',
  '2100x900': '21:9',
  '900x2100': '9:21',
}

const edits = {
  'stable-image-inpaint-v1:0': { path: 'edit/inpaint', form: { image: png(1), prompt } },
  'something-new': { path: 'edit/inpaint', form: { image: png(1), prompt } },
  'stable-outpaint-v1:0': { path: 'edit/outpaint', form: { image: png(1), prompt } },
  'stable-image-erase-object-v1:0': { path: 'edit/erase', form: { image: png(1) } },
  'search-and-replace': { path: 'edit/search-and-replace', form: { image: png(1), prompt } },
  'search-and-recolor': { path: 'edit/search-and-recolor', form: { image: png(1), prompt } },
  'remove-background': { path: 'edit/remove-background', form: { image: png(1) } },
  'replace-background-and-relight': {
    path: 'edit/replace-background-and-relight',
    form: { subject_image: png(1), background_prompt: prompt },
  },
  'stable-fast-upscale-v1:0': { path: 'upscale/fast', form: { image: png(1) } },
  'stable-conservative-upscale-v1:0': { path: 'upscale/conservative', form: { image: png(1), prompt } },
  'stable-creative-upscale-v1:0': { path: 'upscale/creative', form: { image: png(1), prompt } },
  'control-sketch': { path: 'control/sketch', form: { image: png(1), prompt } },
  'control-structure': { path: 'control/structure', form: { image: png(1), prompt } },
  'style-guide': { path: 'control/style', form: { image: png(1), prompt } },
}

providerContract(stability, {
  options: { apiKey: 'test-key' },
  operations: {
    image: [
      ...Object.entries(generators).map(([model, { path, ...form }]) => ({
        title: `makes an image with ${model}`,
        input: { model, prompt },
        sent: { url: `${base}/stable-image/generate/${path}`, headers, form: { prompt, ...form } },
        reply,
        answer,
      })),
      ...Object.entries(sizes).map(([size, aspect_ratio]) => ({
        title: `takes the size ${size} for the ratio ${aspect_ratio}`,
        input: { model: 'stable-image-core', prompt, size },
        sent: { url: `${base}/stable-image/generate/core`, form: { prompt, aspect_ratio } },
        reply,
        answer,
      })),
      {
        title: 'hands on what only Stability has, and asks for nothing where OpenAI means nothing',
        input: {
          model: 'sd3.5-large',
          prompt,
          size: 'auto',
          quality: 'auto',
          n: null,
          response_format: 'b64_json',
          output_format: 'jpeg',
          negative_prompt: 'rain',
          seed: 7,
          cfg_scale: 4.5,
        },
        sent: {
          url: `${base}/stable-image/generate/sd3`,
          form: {
            prompt,
            model: 'sd3.5-large',
            output_format: 'jpeg',
            negative_prompt: 'rain',
            seed: '7',
            cfg_scale: '4.5',
          },
        },
        reply,
        answer,
      },
      {
        title: 'prefers a ratio given in its own words',
        input: { model: 'stable-image-core', prompt, size: '1024x1024', aspect_ratio: '21:9' },
        sent: { url: `${base}/stable-image/generate/core`, form: { prompt, aspect_ratio: '21:9' } },
        reply,
        answer,
      },
      {
        title: 'makes several images with as many calls',
        input: { model: 'stable-image-core', prompt, n: 3 },
        sent: Array.from({ length: 3 }, () => ({
          url: `${base}/stable-image/generate/core`,
          headers,
          form: { prompt },
        })),
        reply: [reply, reply, reply],
        answer: { created, data: [{ b64_json: 'aW1n' }, { b64_json: 'aW1n' }, { b64_json: 'aW1n' }] },
      },
      ...[0, 11, 1.5].map((n) => ({
        title: `refuses ${n} images`,
        input: { model: 'stable-image-core', prompt, n },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'stability: n must be', param: 'n' },
      })),
      ...['big', '0x1024'].map((size) => ({
        title: `refuses the size ${size}`,
        input: { model: 'stable-image-core', prompt, size },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'stability: size must be', param: 'size' },
      })),
      {
        title: 'refuses to give a URL',
        input: { model: 'stable-image-core', prompt, response_format: 'url' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', message: 'b64_json only', param: 'response_format' },
      },
      {
        title: 'drops the wish for a URL when told to',
        input: { model: 'stable-image-core', prompt, response_format: 'url' },
        dropParams: true,
        sent: {
          url: 'https://api.stability.ai/v2beta/stable-image/generate/core',
          form: { prompt },
        },
        reply: { body: { image: 'aW1n', finish_reason: 'SUCCESS', seed: 1 } },
        check: (answer) => expect(answer).toMatchObject({ data: [{ b64_json: 'aW1n' }] }),
      },
      {
        title: 'refuses a quality',
        input: { model: 'stable-image-core', prompt, quality: 'hd' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'quality' },
      },
      {
        title: 'tells that the content filter held the image back',
        input: { model: 'stable-image-core', prompt },
        sent: { url: `${base}/stable-image/generate/core` },
        reply: { body: { image: 'Ymx1cg==', finish_reason: 'CONTENT_FILTERED', seed: 1 } },
        error: { kind: 'content_policy_violation', message: 'stability: the content filter' },
      },
      {
        title: 'does not take an answer without an image for one',
        input: { model: 'stable-image-core', prompt },
        sent: { url: `${base}/stable-image/generate/core` },
        reply: { body: { seed: 1 } },
        error: { kind: 'upstream_invalid_response', message: 'stability: the answer has no image.' },
      },
      {
        title: 'asks where the options say',
        options: { apiBase: 'https://stability.example.test/' },
        input: { model: 'stable-image-core', prompt },
        sent: { url: 'https://stability.example.test/v2beta/stable-image/generate/core' },
        reply,
        answer,
      },
    ],
    imageEdit: [
      ...Object.entries(edits).map(([model, { path, form }]) => ({
        title: `knows what to do with ${model}`,
        input: { model, prompt, image },
        sent: { url: `${base}/stable-image/${path}`, headers, form },
        reply,
        answer,
      })),
      {
        title: 'sends a mask, and what only Stability has',
        input: { model: 'inpaint', prompt, image, mask: png(2), output_format: 'webp', grow_mask: 5, n: 2 },
        sent: Array.from({ length: 2 }, () => ({
          url: `${base}/stable-image/edit/inpaint`,
          form: { image: png(1), mask: png(2), prompt, output_format: 'webp', grow_mask: '5' },
        })),
        reply: [reply, reply],
        answer: { created, data: [{ b64_json: 'aW1n' }, { b64_json: 'aW1n' }] },
      },
      {
        title: 'transfers the style of the second image',
        input: { model: 'style-transfer', prompt, image: [png(1), png(2)], change_strength: 0.9 },
        sent: {
          url: `${base}/stable-image/control/style-transfer`,
          form: { init_image: png(1), style_image: png(2), prompt, change_strength: '0.9' },
        },
        reply,
        answer,
      },
      {
        title: 'hands on files under names of its own',
        input: { model: 'replace-background-and-relight', image, background_reference: png(2) },
        sent: {
          url: `${base}/stable-image/edit/replace-background-and-relight`,
          form: { subject_image: png(1), background_reference: png(2) },
        },
        reply,
        answer,
      },
      {
        title: 'waits for a slow edit',
        options: { pollInterval: 1 },
        input: { model: 'upscale-creative', prompt, image, creativity: 0.2 },
        sent: [
          { url: `${base}/stable-image/upscale/creative`, headers, form: { image: png(1), prompt, creativity: '0.2' } },
          { method: 'GET', url: `${base}/results/job%2F1`, headers },
          { method: 'GET', url: `${base}/results/job%2F1`, headers },
        ],
        reply: [
          { body: { id: 'job/1' } },
          { status: 202, body: { id: 'job/1', status: 'in-progress' } },
          { body: { result: 'aW1n', finish_reason: 'SUCCESS', seed: 123 } },
        ],
        answer,
      },
      {
        title: 'does not wait for what the content filter held back',
        options: { pollInterval: 1 },
        input: { model: 'upscale-creative', prompt, image },
        sent: [{ url: `${base}/stable-image/upscale/creative` }, { method: 'GET', url: `${base}/results/job1` }],
        reply: [{ body: { id: 'job1' } }, { body: { id: 'job1', finish_reason: 'CONTENT_FILTERED' } }],
        error: { kind: 'content_policy_violation' },
      },
      ...[[], [png(1), png(2)]].map((images) => ({
        title: `refuses to inpaint ${images.length} images`,
        input: { model: 'inpaint', prompt, image: images },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'stability: edit/inpaint takes one image.', param: 'image' },
      })),
      {
        title: 'refuses a size',
        input: { model: 'inpaint', prompt, image, size: '1024x1024' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'size' },
      },
      {
        title: 'refuses to give a URL',
        input: { model: 'inpaint', prompt, image, response_format: 'url' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'response_format' },
      },
      {
        title: 'asks where the environment says',
        env: { STABILITY_API_BASE: 'https://proxy.test' },
        input: { model: 'inpaint', prompt, image },
        sent: { url: 'https://proxy.test/v2beta/stable-image/edit/inpaint' },
        reply,
        answer,
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: { id: 'e1', name: 'bad_request', errors: ['prompt: is too long', 'seed: must be a number'] },
      kind: 'invalid_request',
      message: 'stability: prompt: is too long; seed: must be a number',
    },
    {
      status: 403,
      body: { id: 'e1', name: 'content_moderation', errors: ['Your request was flagged.'] },
      kind: 'content_policy_violation',
      message: 'stability: Your request was flagged.',
    },
    {
      status: 402,
      body: { id: 'e1', name: 'payment_required', errors: ['You lack sufficient credits.'] },
      kind: 'quota_exceeded',
      message: 'stability: You lack sufficient credits.',
    },
  ],
})
